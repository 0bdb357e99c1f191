# syntax=docker/dockerfile:1
FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m venv /opt/exporter \
 && /opt/exporter/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --only-binary :all: -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN /opt/exporter/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
 && /opt/exporter/bin/pip uninstall --yes pip

FROM python:3.13-slim-trixie
ARG REVISION=unknown
LABEL org.opencontainers.image.title="exchange-balance-exporter" \
      org.opencontainers.image.description="Prometheus exporter for balances on BtcTurk and TruBit Business" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
ENV EXCHANGE_BALANCE_EXPORTER_REVISION="${REVISION}" \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/exporter /opt/exporter
USER 65532:65532
EXPOSE 10517
ENTRYPOINT ["/opt/exporter/bin/exchange-balance-exporter"]
# In a container all interfaces are the container's own; publish the port where it belongs.
CMD ["--config.file=/etc/exchange-balance-exporter/config.yaml", "--web.listen-address=:10517"]
