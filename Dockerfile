# The release images, built on Debian 13.
#   docker build -t pg-rightsizer:0.1.0 --build-arg VERSION=0.1.0 .
#   docker build -t pgbouncer:1.24 --target pooler .
# hack/images release builds both without a registry.
#
# The same image again needs the same packages: give BASE with its digest, and SNAPSHOT=1, which takes them
# from the archive of the day of that base, as its own sources name it. A mirror has only today's; there
# sbom.spdx.json says which they were. SOURCE_DATE_EPOCH is the time that the images say they are of.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS debian
# Where debian and debian-security are, such as http://mirror.example; empty: as the base has it.
ARG MIRROR=
ARG SNAPSHOT=
RUN set -eu; sources=/etc/apt/sources.list.d/debian.sources; \
    if [ -n "$SNAPSHOT" ]; then \
      sed -i '/^# http/ {N; s/^# \(.*\)\nURIs:.*/URIs: \1/}' $sources; \
      grep -q '^URIs: .*/[0-9]*T[0-9]*Z' $sources; \
      echo 'Acquire::Check-Valid-Until "false";' >/etc/apt/apt.conf.d/90snapshot; \
    elif [ -n "$MIRROR" ]; then \
      sed -i "s|^URIs: .*/\(debian[a-z-]*\)/*$|URIs: $MIRROR/\1|" $sources; \
    fi
ENV DEBIAN_FRONTEND=noninteractive

FROM debian AS build
WORKDIR /source
COPY hack/setup hack/lib.sh hack/
RUN hack/setup --build && apt-get install -y --no-install-recommends ca-certificates python3 tzdata
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY include include
COPY src src
COPY tests tests
RUN cmake --preset release && cmake --build --preset release --target pg-rightsizer
COPY LICENSE ./
COPY hack/rootfs hack/licences hack/sbom.py hack/
ARG SOURCE_DATE_EPOCH=
RUN set -eu; program=build/release/src/cli/pg-rightsizer; strip $program; \
    hack/rootfs /rootfs $program -- /usr/share/zoneinfo /etc/ssl/certs/ca-certificates.crt; \
    hack/licences /rootfs pg-rightsizer "$($program --version)" Apache-2.0 tzdata ca-certificates; \
    cp LICENSE /rootfs/usr/share/doc/

FROM debian AS pooler-files
RUN apt-get update && apt-get install -y --no-install-recommends pgbouncer postgresql-client-17 python3
WORKDIR /source
COPY hack/rootfs hack/licences hack/sbom.py hack/
ARG SOURCE_DATE_EPOCH=
# sleep is what the pods do before they leave.
RUN set -eu; hack/rootfs /rootfs /usr/sbin/pgbouncer /usr/lib/postgresql/17/bin/pg_isready /usr/bin/sleep; \
    hack/licences /rootfs pgbouncer "$(pgbouncer --version | sed -n 's/^PgBouncer //p')" ISC \
      pgbouncer postgresql-client-17 coreutils; \
    echo 'postgres:x:999:999:postgres:/:/sbin/nologin' >>/rootfs/etc/passwd; \
    echo 'postgres:x:999:' >>/rootfs/etc/group

# PgBouncer with pg_isready, and nothing of ours: the guard beside it runs from the operator's image.
FROM scratch AS pooler
ARG REVISION=unknown
LABEL org.opencontainers.image.title=pgbouncer \
      org.opencontainers.image.description="PgBouncer and pg_isready of Debian 13, and the libraries they need" \
      org.opencontainers.image.licenses=ISC \
      org.opencontainers.image.revision=${REVISION}
COPY --from=pooler-files /rootfs /
ENV PATH=/usr/local/bin
USER 999:999
# Waits until the clients have left.
STOPSIGNAL SIGTERM
EXPOSE 6432
ENTRYPOINT ["pgbouncer"]
CMD ["/etc/pgbouncer/pgbouncer.ini"]

FROM scratch AS operator
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title=pg-rightsizer \
      org.opencontainers.image.description="Keeps PostgreSQL's connection limits in step with the applications that use it" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/pg-rightsizer"]
CMD ["run"]
