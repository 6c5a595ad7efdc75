"""Text to be labelled is hostile until shown otherwise: it must not leave its slot in a prompt."""

from __future__ import annotations

import re

# What begins and ends a turn, a system prompt or a tool call in the chat formats of open models.
# A server that turns a rendered chat into tokens takes them for its own wherever they stand.
WORDS = (
    "s|bos|eos|pad|unk|sep|cls|mask|image|start_of_turn|end_of_turn|start_of_image|"
    "tool_call|tool_response|tools|think|thinking|system|human|assistant|user|reponame|repo_name|"
    "filename|file_sep|gh_stars|issue_start|issue_comment|issue_closed|jupyter_start|jupyter_text|"
    "jupyter_code|jupyter_output|jupyter_script|empty_output|endoftext|SPECIAL_\\d+"
)
MARKER = re.compile(
    rf"<(?=/?(?:{WORDS})>)"  # Llama 2, Gemma, SmolLM, Qwen's tools
    r"|<(?=[|\uff5c])|(?<=[|\uff5c])>"  # Qwen, Llama 3, Phi; DeepSeek with a wide bar
    r"|<(?=<SYS>>|</SYS>>)|<(?=/?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|IMG)\])",  # Mistral
    re.IGNORECASE,
)
HALF = re.compile("[\ud800-\udfff]")


def tame(value: object) -> str:
    '''Make a text unable to leave its slot: no closing quotes, no chat markers of any model.

    Prompts put the text between lines of three quotation marks. In the text `"""` becomes three
    apostrophes, and a space takes each marker apart: `<|im_end|>` becomes `< |im_end| >`. Halves
    of characters, which JSON can hold and UTF-8 cannot, become U+FFFD.
    '''
    text = HALF.sub("\ufffd", str(value).replace('"""', "'''"))
    return MARKER.sub(_apart, text)


def _apart(marker: re.Match[str]) -> str:
    return " >" if marker.group() == ">" else marker.group() + " "
