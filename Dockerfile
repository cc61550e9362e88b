# Works with the classic builder and with BuildKit. For an image that can be identified and built again:
#   docker build -t screenpass --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:DIGEST \
#     --build-arg REVISION="$(git rev-parse HEAD)" --build-arg SOURCE=URL .
# `docker buildx imagetools inspect node:24-bookworm-slim` prints the digest.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
RUN npm run build && chmod 0755 dist/screenpass.js

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="screenpass" \
      org.opencontainers.image.description="Sidecar for docker-mailserver: lets wanted cloud senders through Postfix's postscreen, and proves it" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
# With a heap limit Node collects its garbage early; without one a flood of log lines takes three times as much memory.
# A small space for new objects, and one helper thread in place of four, keep the memory small from the start.
ENV NODE_OPTIONS="--max-old-space-size=512 --max-semi-space-size=2 --v8-pool-size=1"
# The link makes `docker exec screenpass screenpass status` work.
RUN mkdir /etc/screenpass /var/lib/screenpass && ln -s /app/screenpass.mjs /usr/local/bin/screenpass
# The ending .mjs makes Node treat the file as an ES module, since there is no package.json beside it.
COPY --from=build /build/dist/screenpass.js /app/screenpass.mjs
# Last, since these values differ in each build.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# Not often, since each check starts a process; `health` also fails while the mail container does not run.
HEALTHCHECK --interval=5m --timeout=20s --start-period=5m CMD ["node", "/app/screenpass.mjs", "health"]
# The user is root on purpose: the Engine's socket belongs to root, and so does a shared directory that the
# Engine created. docker-compose.yml removes the other rights of root.
ENTRYPOINT ["node", "/app/screenpass.mjs"]
CMD ["run"]
