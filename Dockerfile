# syntax=docker/dockerfile:1
# Two stages: a static binary, then an image that holds nothing else.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev gcc make cmake perl
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY templates templates
COPY benches benches
COPY examples examples
# The stand-ins of `demo` and of the tests stay outside.
RUN cargo build --release --locked --no-default-features --bin vtreporter \
    && cp target/release/vtreporter /vtreporter

FROM scratch
# The certificate authorities are compiled in; SSL_CERT_FILE and
# HTTPS_CA_CERTIFICATES add to them.
COPY --from=build /vtreporter /vtreporter
# No name to look up in an empty image: nobody, by number.
USER 65534:65534
# Asks the running service over an abstract socket: no volume, no port, no shell.
HEALTHCHECK --interval=60s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/vtreporter", "healthcheck"]
ENTRYPOINT ["/vtreporter"]
