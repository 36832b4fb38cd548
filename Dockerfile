# syntax=docker/dockerfile:1
# Two stages: a static binary, then an image that holds nothing else.
FROM rust:1.95-alpine AS build
# A C compiler, its headers and make tools, for the TLS library and the allocator.
RUN apk add --no-cache gcc musl-dev linux-headers make cmake perl
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY src src
COPY templates templates
# Not built here, but the manifest names them.
COPY benches benches
COPY examples examples
# The stand-ins of `demo` and of the tests stay outside.
RUN cargo build --profile dist --locked --package vtreporter --no-default-features --bin vtreporter \
    && cp target/dist/vtreporter /vtreporter

FROM scratch
LABEL org.opencontainers.image.title="vtreporter" \
      org.opencontainers.image.description="OpenCTI external-import connector: a country's risky files, from VirusTotal into OpenCTI" \
      org.opencontainers.image.licenses="Apache-2.0"
# The certificate authorities are compiled in; SSL_CERT_FILE and
# HTTPS_CA_CERTIFICATES add to them.
COPY --from=build /vtreporter /vtreporter
# Keeps the memory of a run low; docs/performance.md has what it costs.
ENV MIMALLOC_PURGE_DELAY=10 MIMALLOC_ARENA_EAGER_COMMIT=0 MIMALLOC_ARENA_RESERVE=8MiB
# No name to look up in an empty image: nobody, by number.
USER 65534:65534
# Asks the running service over an abstract socket: no volume, no port, no shell.
HEALTHCHECK --interval=60s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/vtreporter", "healthcheck"]
ENTRYPOINT ["/vtreporter"]
