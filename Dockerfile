# The README's steps in a container. The first stage builds, the second runs as a user without rights.

FROM debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/*
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
ENV PATH=/root/.cargo/bin:$PATH
WORKDIR /src
COPY scripts scripts
RUN ./scripts/setup.sh build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cargo build --release --locked

FROM debian:12-slim
COPY scripts/setup.sh /tmp/setup.sh
RUN /tmp/setup.sh runtime && rm -rf /var/lib/apt/lists/* /tmp/setup.sh
RUN useradd --system --create-home --home-dir /var/lib/millrace millrace
COPY --from=build /src/target/release/millrace /usr/local/bin/millrace
USER millrace
WORKDIR /var/lib/millrace
ENV MILLRACE_SERVER__DATA_DIR=/var/lib/millrace/data
RUN mkdir data
VOLUME /var/lib/millrace/data
EXPOSE 8080/tcp 4443/tcp 8443/udp 8443/tcp 8554/tcp 3478/udp 3478/tcp 5349/tcp
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s CMD ["millrace", "health"]
ENTRYPOINT ["millrace"]
CMD ["serve"]
