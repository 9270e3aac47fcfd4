"""An agent whose runs the desk knows of: what it was asked, lines, tokens, cost, report, how it ended.

`HANTU_DSN=http://TOKEN@127.0.0.1:8514 python examples/agent.py "어제 주문을 요약해 줘"`

The model is played by a function here; with a real one, only `ask_model` is another."""

from __future__ import annotations

import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from hantu import Run, execution, get_logger

logger = get_logger("agent")

MODEL = "claude-sonnet-4-20250514"
INPUT_COST, OUTPUT_COST = Decimal("0.000003"), Decimal("0.000015")
"""Dollars for a token."""

ORDERS = {"005930": 12, "000660": 3}


class Answer(NamedTuple):
    """What a model says: a tool to use, or the text that ends the work."""

    tool: str
    text: str
    input_tokens: int
    output_tokens: int


class NoSuchTool(Exception):
    """The model asked for a tool that there is not."""


def ask_model(prompt: str, seen: list[str]) -> Answer:
    """The next step. Plays a model: first it looks at the orders, then it sums them up."""
    if "삭제" in prompt:
        return Answer("delete_orders", "", 40, 8)
    if not seen:
        return Answer("list_orders", "", 120, 15)
    return Answer("", f"주문 {len(seen)}건: " + ", ".join(seen), 180, 60)


def use_tool(name: str) -> list[str]:
    """What a tool finds. Raises NoSuchTool."""
    if name != "list_orders":
        raise NoSuchTool(name)
    return [f"{code} {count}주" for code, count in ORDERS.items()]


def work(run: Run, prompt: str) -> str:
    """Ask and use tools until the model is done."""
    seen: list[str] = []
    while not run.cancelled:
        answer = ask_model(prompt, seen)
        cost = answer.input_tokens * INPUT_COST + answer.output_tokens * OUTPUT_COST
        run.log_tokens(input=answer.input_tokens, output=answer.output_tokens, cost=cost)
        if not answer.tool:
            return answer.text
        logger.info("도구 %s", answer.tool)
        seen += use_tool(answer.tool)
    return ""


def main(prompt: str) -> None:
    """One run of the agent."""
    with (
        execution("order-agent", prompt, model=MODEL, timeout_s=600) as run,
        tempfile.TemporaryDirectory() as folder,
    ):
        text = work(run, prompt)
        report = Path(folder) / "report.md"
        report.write_text(f"# {prompt}\n\n{text}\n", encoding="utf-8")
        run.output(text)
        run.artifact(report)
        logger.success("끝")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "어제 주문을 요약해 줘")
