"""`python -m labelfns.rehearse`: serve until interrupted."""

from __future__ import annotations

import json
import signal
import sys
import threading

import click

from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble


def faults_from(texts: tuple[str, ...]) -> list[Fault]:
    """Read "drop=0.01" as: 1 % of the calls are dropped. Raises click.BadParameter."""
    faults = []
    for text in texts:
        name, _, share = text.partition("=")
        try:
            faults.append(Fault(Trouble(name), float(share or 1.0)))
        except ValueError as e:
            known = ", ".join(Trouble)
            raise click.BadParameter(f"{text!r} is not NAME=SHARE; NAME: {known}") from e
    return faults


@click.command()
@click.option("--port", default=8377, show_default=True, help="0 takes a free one.")
@click.option("--delay", default=0.2, show_default=True, help="Seconds before each answer.")
@click.option("--fault", multiple=True, help="NAME=SHARE, as in drop=0.01; may be repeated.")
@click.option("--requests-per-minute", type=float, help="More get 429.")
@click.option("--tokens-per-minute", type=float, help="More get 429.")
@click.option("--key", help="Refuse every other key.")
@click.option("--unsupported", multiple=True, help="A setting to refuse, as in temperature.")
@click.option("--answers", default="yes,no", show_default=True, help="What the model may say.")
@click.option("--batch-seconds", default=10.0, show_default=True, help="How long a batch takes.")
@click.option("--batch-failures", default=0.0, show_default=True, help="Share of rows that fail.")
@click.option("--seed", default=0, show_default=True, help="Seed of what goes wrong.")
def main(port: int, fault: tuple[str, ...], answers: str, **manners: object) -> None:
    """Serve OpenAI's and Anthropic's wire formats on loopback, with the manners you choose.

    GET /rehearse/counts tells how many calls were answered, and how many of them twice.
    """
    said = [answer.strip() for answer in answers.split(",") if answer.strip()]
    manners = {name: value for name, value in manners.items() if value is not None}
    server = Rehearsal(Manners(faults=faults_from(fault), answers=said, **manners), port)  # type: ignore[arg-type]
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with server:
        addresses = {"openai": server.openai_url, "anthropic": server.anthropic_url}
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        stopped.wait()
        sys.stdout.write(json.dumps(server.counts()) + "\n")


if __name__ == "__main__":
    main()
