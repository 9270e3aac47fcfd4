"""A small web shop on Flask with hantu's log library: `flask --app examples/shop_api run`."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

from hantu import get_logger
from hantu.client.wsgi import trace_flask

logger = get_logger(__name__)
app = Flask(__name__)
trace_flask(app)


class InsufficientBalance(Exception):
    """The customer has less than the order costs."""


class SoldOut(Exception):
    """There is none left."""


def execute_order(stock_code: str, quantity: int) -> None:
    """Buy. Raises InsufficientBalance, SoldOut."""
    if stock_code == "000660":
        raise SoldOut(f"{stock_code} 재고 없음")
    if quantity > 100:
        raise InsufficientBalance(f"required {quantity * 71_200}, available 1182400")


@app.post("/orders")
def order() -> tuple[Response, int]:
    """Take an order: {"stock_code": …, "quantity": …}."""
    wanted = request.get_json()
    stock_code, quantity = wanted["stock_code"], int(wanted["quantity"])
    logger.info("주문 실행 시작", context={"stock_code": stock_code, "quantity": quantity})
    try:
        execute_order(stock_code, quantity)
    except (InsufficientBalance, SoldOut) as error:
        logger.error("주문 실행 실패: %s", error, exc_info=True, context=wanted)
        return jsonify(error=type(error).__name__), 409
    logger.success("주문 체결 %s %s주", stock_code, quantity)
    return jsonify(status="filled"), 201


@app.post("/close")
def close() -> tuple[Response, int]:
    """End the day; it fails on purpose in this example: the settlement file is missing."""
    try:
        with open("/nonexistent/settlement.csv", encoding="utf-8") as file:
            file.read()
    except OSError:
        logger.critical("정산 파일을 읽을 수 없음", exc_info=True)
        return jsonify(error="settlement"), 500
    return jsonify(status="closed"), 200
