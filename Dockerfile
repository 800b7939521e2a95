# The operator, built from source: the program and the libraries it needs, on nothing.
#   docker build --build-arg MIRROR=http://mirror.example/debian -t localhost/pg-rightsizer:dev .
FROM debian:trixie-slim AS build
# Another Debian mirror; empty: the image's own.
ARG MIRROR=
RUN if [ -n "$MIRROR" ]; then \
      sed -i "s|^URIs: .*/debian$|URIs: $MIRROR|" /etc/apt/sources.list.d/debian.sources; \
    fi \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates cmake g++ libboost-dev libboost-system-dev libcli11-dev libcpprest-dev \
      libexpected-dev libfmt-dev libgmock-dev libgtest-dev libpq-dev librapidcheck-dev \
      libspdlog-dev libssl-dev libyaml-cpp-dev ninja-build nlohmann-json3-dev pkg-config python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cmake --preset release && cmake --build --preset release --target pg-rightsizer
# What ldd lists, at the paths where it found it; names are looked up in files and by DNS.
RUN set -eu; program=build/release/src/cli/pg-rightsizer; \
    mkdir -p /rootfs/usr/local/bin /rootfs/etc/ssl/certs; \
    install --strip "$program" /rootfs/usr/local/bin/; \
    ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do \
      mkdir -p "/rootfs${library%/*}"; cp -L "$library" "/rootfs$library"; \
    done; \
    cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/; \
    echo 'hosts: files dns' >/rootfs/etc/nsswitch.conf

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/pg-rightsizer"]
CMD ["run"]
