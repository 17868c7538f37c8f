# syntax=docker/dockerfile:1

# The build, on Debian with Rust, a C compiler, make and perl: aws-lc and the OpenSSL inside josekit are compiled in.
FROM rust:1.95-bookworm AS build
WORKDIR /carnet
COPY . .
RUN cargo build --release --locked --package carnet --bin carnet

# The runtime: the same Debian without the tools, root certificates for fetching from other IAPs, one user.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/carnet --shell /usr/sbin/nologin carnet \
    && install --directory --owner=carnet --group=carnet --mode=0700 /var/lib/carnet
COPY --from=build /carnet/target/release/carnet /usr/local/bin/carnet
COPY --from=build /carnet/LICENSE /carnet/LICENSE-APACHE /carnet/LICENSE-MIT /usr/share/doc/carnet/

USER carnet
# Master key, database and the administrator's first credentials live here; nothing secret is in the image.
VOLUME ["/var/lib/carnet"]
# So that `docker exec NAME carnet participant list` finds them. The administration listener stays inside the container.
ENV CARNET_CREDENTIALS=/var/lib/carnet/admin-credentials.json
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["carnet", "health"]
ENTRYPOINT ["carnet"]
# The issuer must be given: docker run -e CARNET_SERVER__ISSUER=https://iap.example.org …, behind a proxy with TLS.
CMD ["serve", "--data-dir", "/var/lib/carnet", "--listen", "0.0.0.0:8080"]
