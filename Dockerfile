# docker build -t ringfence .
# docker run --network host --read-only --tmpfs /tmp -v ringfence:/var/lib/ringfence \
#     -v /etc/ringfence:/etc/ringfence:ro ringfence
# The host's network, because a SIP proxy writes its own address into messages and its trunks are told apart by theirs.

FROM python:3.11-slim AS build
# For the compiled twins of the call path; the image itself gets no compiler.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml setup.py README.md ./
COPY src src
COPY config config
RUN python -m venv /opt/ringfence && /opt/ringfence/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/ringfence ringfence \
    && install -d -o ringfence -g ringfence -m 0700 /var/lib/ringfence
COPY --from=build /opt/ringfence /opt/ringfence
COPY config /etc/ringfence
ENV PATH=/opt/ringfence/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    RINGFENCE_DATA_DIRECTORY=/var/lib/ringfence
USER ringfence
VOLUME /var/lib/ringfence
EXPOSE 5060/udp 5060/tcp 9460/tcp
# SIGTERM drains for 32 s at most: `docker stop --time 40`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9460/live', timeout=2)"]
ENTRYPOINT ["ringfence"]
CMD ["serve", "--config", "/etc/ringfence/ringfence.yaml"]
