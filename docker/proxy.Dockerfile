# The data plane: one proxy. Built from the root of the repository: docker build -f docker/proxy.Dockerfile -t app-fabric-proxy .
FROM node:20.20-bookworm-slim AS build
WORKDIR /build
# Packages come as the lock file says, and again only when it changes. The version of pnpm is the one that package.json names.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml tsconfig.base.json LICENSE ./
RUN npm install --global "$(node -p 'require("./package.json").packageManager')" && pnpm fetch
COPY libs libs
COPY apps/proxy apps/proxy
RUN pnpm --filter app-fabric --filter "@app-fabric/proxy..." install --frozen-lockfile --offline \
  && node node_modules/typescript/bin/tsc -b apps/proxy
# The program with its production packages as locked, and nothing else: no sources, types or source maps.
RUN pnpm --filter @app-fabric/proxy --config.inject-workspace-packages=true deploy --prod --offline /program \
  && cd /program \
  && rm -rf src tsconfig.json pnpm-lock.yaml node_modules/.pnpm/@app-fabric+*/node_modules/@app-fabric/*/src \
  && rm -rf node_modules/.pnpm/@opentelemetry+*/node_modules/@opentelemetry/*/build/esm node_modules/.pnpm/@opentelemetry+*/node_modules/@opentelemetry/*/build/esnext \
  && find . -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.tsbuildinfo' \) -delete \
  && find . -xtype l -delete \
  && cp /build/LICENSE . \
  && chmod -R a+rX,go-w .

FROM node:20.20-bookworm-slim
ENV NODE_ENV=production \
    FABRIC_HOST=0.0.0.0 \
    FABRIC_DATA_DIR=/var/lib/app-fabric
# The only folder that is written to. A volume that is mounted over it must belong to user 1000, as a new named volume does.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/app-fabric
COPY --from=build /program /opt/app-fabric
WORKDIR /opt/app-fabric
USER 1000:1000
VOLUME /var/lib/app-fabric
EXPOSE 8081 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FABRIC_PROXY_ADMIN_PORT || 8082}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Of what is new, little stays: a small young generation (2 MiB) makes pauses of one millisecond instead of five.
CMD ["node", "--max-semi-space-size=2", "dist/main.js"]
