# docs/run/deploying.md says how it is run. The same packages as `make run` installs, without tools to build anything.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt requirements-build.txt ./
RUN python -m venv /opt/ordergate
RUN /opt/ordergate/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.txt -r requirements-build.txt
COPY pyproject.toml setup.cfg README.md LICENSE wsgi.py ./
COPY app app
COPY openapi openapi
RUN /opt/ordergate/bin/pip install --no-cache-dir --no-index --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home ordergate
RUN install -d -m 0700 -o ordergate -g ordergate /var/lib/ordergate
COPY --from=build /opt/ordergate /opt/ordergate
COPY gunicorn.conf.py /opt/ordergate/
ENV PATH=/opt/ordergate/bin:$PATH HOST=0.0.0.0 PORT=8000 ORDERGATE_DATA_DIR=/var/lib/ordergate
WORKDIR /opt/ordergate
USER ordergate
VOLUME /var/lib/ordergate
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=2)"]
CMD ["ordergate", "serve"]
