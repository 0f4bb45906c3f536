"""ClickHouse's own engine (chdb) behind as much of its HTTP interface as we use; no server comes with the package.

    python -m tests.support.clickhouse_server PORT FOLDER

POST / with the statement in `query` and data in the body, or the statement in the body; `param_NAME` for {NAME:Type};
X-ClickHouse-User and -Key; errors as status and text. Other settings in the query are taken from it as the server does.
"""

from __future__ import annotations

import sys

from aiohttp import web
from chdb.session import Session

KEY = "secret-of-these-tests"


def main(port: int, folder: str) -> None:
    session = Session(folder)

    async def serve(request: web.Request) -> web.Response:
        given = dict(request.query)
        if (request.headers.get("X-ClickHouse-User"), request.headers.get("X-ClickHouse-Key")) != ("feeder", KEY):
            return web.Response(status=403, text="Code: 516. DB::Exception: feeder: Authentication failed")
        body = (await request.read()).decode()
        statement = given.pop("query", "")
        parameters = {name[6:]: given.pop(name) for name in list(given) if name.startswith("param_")}
        try:
            for name, value in given.items():
                session.query(f"SET {name} = {value}")
            answer = session.query(f"{statement}\n{body}", params=parameters)
        except Exception as error:  # chdb raises errors of its own and RuntimeError
            return web.Response(status=500, text=str(error))
        return web.Response(body=answer.bytes() if answer is not None else b"")

    app = web.Application(client_max_size=2**30)
    app.router.add_post("/", serve)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
