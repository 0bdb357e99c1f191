# syntax=docker/dockerfile:1
# The index of all architectures, by digest, so that a build today is a build tomorrow. To renew it:
#   docker buildx imagetools inspect python:3.13-slim-trixie --format '{{.Manifest.Digest}}'
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6

# What is installed: `runtime`, or `ccxt` for the exchanges of docs/ccxt.md as well.
ARG REQUIREMENTS=runtime

FROM ${PYTHON_IMAGE} AS build
ARG REQUIREMENTS
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/build.txt requirements/${REQUIREMENTS}.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt \
 && python -m venv --without-pip /opt/exporter \
 && /opt/build/bin/pip --python /opt/exporter/bin/python install --require-hashes \
        --only-binary :all: -r requirements/${REQUIREMENTS}.txt
COPY . .
RUN /opt/build/bin/python -m hatchling build --target wheel --directory dist \
 && /opt/build/bin/pip --python /opt/exporter/bin/python install --no-deps --no-index dist/*.whl

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="exchange-balance-exporter" \
      org.opencontainers.image.description="Prometheus exporter for balances at crypto exchanges" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="exchange-balance-exporter" \
      org.opencontainers.image.url="https://github.com/exchange-balance-exporter/exchange-balance-exporter" \
      org.opencontainers.image.source="https://github.com/exchange-balance-exporter/exchange-balance-exporter" \
      org.opencontainers.image.documentation="https://github.com/exchange-balance-exporter/exchange-balance-exporter/blob/main/docs/deployment.md" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Settings are environment variables, so that `healthcheck` sees what the daemon sees. In a
# container all interfaces are the container's own; publish the port where it belongs.
ENV PATH=/opt/exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    EXCHANGE_BALANCE_EXPORTER_REVISION="${REVISION}" \
    EXCHANGE_BALANCE_EXPORTER_CONFIG_FILE=/etc/exchange-balance-exporter/config.yaml \
    EXCHANGE_BALANCE_EXPORTER_WEB_LISTEN_ADDRESS=:10517 \
    EXCHANGE_BALANCE_EXPORTER_WEB_HEALTH_LISTEN_ADDRESS=127.0.0.1:10518
COPY --from=build /opt/exporter /opt/exporter
USER 65532:65532
EXPOSE 10517
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s \
    CMD ["/opt/exporter/bin/exchange-balance-exporter", "healthcheck"]
ENTRYPOINT ["/opt/exporter/bin/exchange-balance-exporter"]
