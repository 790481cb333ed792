# The node in a container: built and packaged in one stage, the package installed in the next.
#
#   docker build -t fpnode .
#   docker run -d --name fpnode -p 127.0.0.1:8080:8080 -v fpnode-data:/var/lib/fpnode fpnode
#   docker exec fpnode fpctl status
#
# What the image of fpindex is started with works here, too: `fpindex --dir /var/lib/fpindex --host 0.0.0.0 --port 8080`,
# and a volume for /var/lib/fpindex, which is another name of /var/lib/fpnode.

FROM debian:12-slim AS build
WORKDIR /src
COPY app/packages.sh app/packages.sh
RUN bash -ec '. app/packages.sh; install_packages "${build_packages[@]}" "${package_packages[@]}"'
COPY . .
RUN cmake --preset package \
 && cmake --build --preset package -j "$(nproc)" \
 && cpack --preset package \
 && mv build-package/fpnode_*.deb /fpnode.deb

FROM debian:12-slim
# A fixed number, so that volumes stay readable from one image to the next.
RUN groupadd --system --gid 900 fpnode \
 && useradd --system --uid 900 --gid 900 --home-dir /var/lib/fpnode --shell /usr/sbin/nologin fpnode
COPY --from=build /fpnode.deb /tmp/fpnode.deb
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends /tmp/fpnode.deb \
 && rm -rf /tmp/fpnode.deb /var/lib/apt/lists/* \
 && install -d -o fpnode -g fpnode -m 0750 /var/lib/fpnode \
 && ln -s fpnode /var/lib/fpindex
USER 900:900
WORKDIR /var/lib/fpnode
VOLUME /var/lib/fpnode
EXPOSE 8080 8090
STOPSIGNAL SIGTERM
# A large index may load for long: the node answers meanwhile.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["fpctl", "status"]
ENTRYPOINT ["fpnode", "--config", "/etc/fpnode/fpnode.json", "--dir", "/var/lib/fpnode"]
# Published ports reach only what listens on the container's own address. Publish HTTP on loopback, as above, or mount
# tokens and certificates (SECURITY.md). Remote actors stay inside the container, for `docker exec` and the health check,
# unless --caf-host says otherwise, with --caf-tls on.
CMD ["--host", "0.0.0.0", "--port", "8080"]
