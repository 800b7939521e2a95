# The release images, built on Debian 13.
#   docker build --build-arg MIRROR=http://mirror.example/debian -t pg-rightsizer:0.1.0 .
#   docker build --target pooler -t pgbouncer:1.24 .
# hack/images release builds the first without a registry.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
# Another Debian mirror; empty: the image's own.
ARG MIRROR=
RUN [ -z "$MIRROR" ] || sed -i "s|^URIs: .*/debian$|URIs: $MIRROR|" /etc/apt/sources.list.d/debian.sources
WORKDIR /source
COPY hack/setup hack/lib.sh hack/
RUN hack/setup --build && apt-get install -y --no-install-recommends ca-certificates python3 tzdata
COPY . .
RUN cmake --preset release && cmake --build --preset release --target pg-rightsizer
RUN hack/rootfs build/release/src/cli/pg-rightsizer /rootfs

# PgBouncer with pg_isready, and nothing of ours: the guard beside it runs from the operator's image.
FROM ${BASE} AS pooler
ARG MIRROR=
RUN [ -z "$MIRROR" ] || sed -i "s|^URIs: .*/debian$|URIs: $MIRROR|" /etc/apt/sources.list.d/debian.sources
RUN groupadd -r -g 999 postgres && useradd -r -u 999 -g 999 -d /var/lib/postgresql postgres \
 && apt-get update -q && apt-get install -y -q --no-install-recommends pgbouncer postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/*
ENV PATH=/usr/lib/postgresql/17/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 999:999
STOPSIGNAL SIGTERM
ENTRYPOINT ["pgbouncer"]
CMD ["/etc/pgbouncer/pgbouncer.ini"]

FROM scratch
LABEL org.opencontainers.image.title=pg-rightsizer \
      org.opencontainers.image.description="Keeps PostgreSQL's connection limits in step with the applications that use it" \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /rootfs /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/pg-rightsizer"]
CMD ["run"]
