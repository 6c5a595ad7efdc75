"""Both providers' batch services: files, jobs that take their time, rows that fail."""

from __future__ import annotations

import email.parser
import email.policy
import json
import time
import uuid
from abc import ABC, abstractmethod
from datetime import UTC, datetime

from labelfns.rehearse.dialect import Dialect, Json
from labelfns.rehearse.manners import Manners
from labelfns.rehearse.model import say
from labelfns.rehearse.wire import Call, Reply, json_reply


class Batches(ABC):
    """The jobs of one provider. `rows` counts all rows that were ever handed in."""

    PATH: str

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.rows = 0
        self.jobs: dict[str, Json] = {}

    def mine(self, call: Call) -> bool:
        """Say whether this call is for this service."""
        return call.path.startswith(self.PATH)

    @abstractmethod
    def serve(self, call: Call, manners: Manners) -> Reply:
        """Answer a call."""

    def parts(self, call: Call) -> list[str]:
        """Give what follows the service's own path."""
        return [p for p in call.path.partition("?")[0].removeprefix(self.PATH).split("/") if p]

    def done(self, job: Json, manners: Manners) -> bool:
        """Say whether a job has had its time."""
        return time.time() - float(job["started"]) >= manners.batch_seconds

    def missing(self) -> Reply:
        """Say that there is no such job."""
        return self.dialect.error(404, "no such batch")


class OpenAIBatches(Batches):
    """`/v1/files` and `/v1/batches`."""

    PATH = "/v1/batches"

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self._files: dict[str, bytes] = {}

    def mine(self, call: Call) -> bool:
        """Say whether this call is for this service."""
        return super().mine(call) or call.path.startswith("/v1/files")

    def serve(self, call: Call, manners: Manners) -> Reply:
        """Answer a call."""
        if call.path.startswith("/v1/files"):
            return self._file(call)
        if call.method == "POST" and not self.parts(call):
            return self._submit(json.loads(call.body))
        if not self.parts(call):
            shown = [self._shown(job, manners) for job in self.jobs.values()]
            return json_reply(200, {"object": "list", "data": shown, "has_more": False})
        job = self.jobs.get(self.parts(call)[0])
        return self.missing() if job is None else json_reply(200, self._shown(job, manners))

    def _file(self, call: Call) -> Reply:
        if call.method == "POST":
            return json_reply(200, self._kept(_uploaded(call)))
        name = call.path.split("/")[3]
        return Reply(200, self._files[name]) if name in self._files else self.missing()

    def _kept(self, content: bytes) -> Json:
        name = f"file-{uuid.uuid4().hex}"
        self._files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": "batch.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _submit(self, wanted: Json) -> Reply:
        rows = [json.loads(line) for line in self._files[wanted["input_file_id"]].splitlines()]
        self.rows += len(rows)
        name = f"batch_{uuid.uuid4().hex}"
        self.jobs[name] = {"id": name, "rows": rows, "started": time.time(), "wanted": wanted}
        return json_reply(200, self._shown(self.jobs[name], None))

    def _shown(self, job: Json, manners: Manners | None) -> Json:
        """Show a job; the first look after its time writes its files."""
        if manners is not None and self.done(job, manners) and "status" not in job:
            good, bad = self._results(job, manners)
            job["status"] = "expired" if manners.batch_expires else "completed"
            job["output_file_id"] = self._kept(good)["id"] if good else None
            job["error_file_id"] = self._kept(bad)["id"] if bad else None
        return {
            "object": "batch",
            "created_at": int(job["started"]),
            **job["wanted"],
            "id": job["id"],
            "status": job.get("status", "in_progress"),
            "output_file_id": job.get("output_file_id"),
            "error_file_id": job.get("error_file_id"),
            "request_counts": {"total": len(job["rows"]), "completed": 0, "failed": 0},
        }

    def _results(self, job: Json, manners: Manners) -> tuple[bytes, bytes]:
        good, bad = [], []
        for row in job["rows"]:
            line: Json = {"id": uuid.uuid4().hex, "custom_id": row["custom_id"], "error": None}
            fails = manners.row_fails()
            if fails and manners.batch_expires:
                error = {"code": "batch_expired", "message": "not done within the day"}
                bad.append(json.dumps({**line, "response": None, "error": error}))
            elif fails:
                body = json.loads(self.dialect.error(500, "rehearsed").body)
                bad.append(json.dumps({**line, "response": {"status_code": 500, "body": body}}))
            else:
                said = say(manners, *self.dialect.question(row["body"]))
                body = self.dialect.answer(row["body"], said, manners)
                good.append(json.dumps({**line, "response": {"status_code": 200, "body": body}}))
        return tuple("\n".join(manners.shuffled(lines)).encode() for lines in (good, bad))  # type: ignore[return-value]


class AnthropicBatches(Batches):
    """`/v1/messages/batches`."""

    PATH = "/v1/messages/batches"

    def serve(self, call: Call, manners: Manners) -> Reply:
        """Answer a call."""
        parts = self.parts(call)
        if call.method == "POST" and not parts:
            return self._submit(json.loads(call.body)["requests"], manners)
        if not parts:
            shown = [self._shown(job, manners) for job in reversed(self.jobs.values())]
            return json_reply(200, {"data": shown, "has_more": False})
        job = self.jobs.get(parts[0])
        if job is None:
            return self.missing()
        if parts[1:] == ["results"]:
            return Reply(200, self._results(job, manners), {"content-type": "application/x-jsonl"})
        return json_reply(200, self._shown(job, manners))

    def _submit(self, rows: list[Json], manners: Manners) -> Reply:
        self.rows += len(rows)
        name = f"msgbatch_{uuid.uuid4().hex}"
        self.jobs[name] = {"id": name, "rows": rows, "started": time.time()}
        return json_reply(200, self._shown(self.jobs[name], manners))

    def _shown(self, job: Json, manners: Manners) -> Json:
        done, started = self.done(job, manners), datetime.fromtimestamp(job["started"], UTC)
        counts = {"canceled": 0, "errored": 0, "expired": 0, "processing": 0, "succeeded": 0}
        counts["succeeded" if done else "processing"] = len(job["rows"])
        return {
            "id": job["id"],
            "type": "message_batch",
            "processing_status": "ended" if done else "in_progress",
            "request_counts": counts,
            "created_at": started.isoformat(),
            "expires_at": started.isoformat(),
            "ended_at": started.isoformat() if done else None,
            "results_url": f"{self.PATH}/{job['id']}/results" if done else None,
        }

    def _results(self, job: Json, manners: Manners) -> bytes:
        if "results" not in job:
            lines = [json.dumps(self._result(row, manners)) for row in job["rows"]]
            job["results"] = "\n".join(manners.shuffled(lines)).encode()
        return bytes(job["results"])

    def _result(self, row: Json, manners: Manners) -> Json:
        result: Json
        if manners.row_fails():
            error = json.loads(self.dialect.error(500, "rehearsed").body)
            result = {"type": "expired"} if manners.batch_expires else {"type": "errored"}
            result |= {} if manners.batch_expires else {"error": error}
        else:
            said = say(manners, *self.dialect.question(row["params"]))
            answer = self.dialect.answer(row["params"], said, manners)
            result = {"type": "succeeded", "message": answer}
        return {"custom_id": row["custom_id"], "result": result}


def _uploaded(call: Call) -> bytes:
    """Take the file out of a form."""
    head = f"content-type: {call.headers['content-type']}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + call.body)
    for part in form.iter_parts():
        if part.get_param("name", header="content-disposition") == "file":
            return bytes(part.get_payload(decode=True))
    return b""
