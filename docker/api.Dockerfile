# The control plane: one API replica. Built from the root of the repository: docker build -f docker/api.Dockerfile .
FROM node:20.20-bookworm-slim AS build
WORKDIR /build
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml tsconfig.base.json ./
COPY .tools .tools
COPY apps apps
COPY libs libs
COPY test-e2e/package.json test-e2e/
# The version of pnpm is the one that package.json names.
RUN npx -y "$(node -p 'require("./package.json").packageManager')" install --frozen-lockfile
RUN node node_modules/typescript/bin/tsc -b apps/api \
  && find apps libs -path '*/dist/*' \( -name '*.spec.*' -o -name '*.map' -o -name '*.d.ts' -o -name '.tsbuildinfo' \) -not -path '*/node_modules/*' -delete
# The program with its production packages, and nothing else of the workspace. What ran through the type checker stays behind.
RUN npx -y "$(node -p 'require("./package.json").packageManager')" --filter @app-fabric/api deploy --prod --legacy /program \
  && find /program -path '*/@app-fabric+*' -name src -type d -prune -exec rm -rf {} + \
  && rm -rf /program/src

FROM node:20.20-bookworm-slim
ENV NODE_ENV=production \
    FABRIC_HOST=0.0.0.0 \
    FABRIC_DATA_DIR=/var/lib/app-fabric
RUN install -d -o node -g node -m 0700 /var/lib/app-fabric
COPY --from=build /program /opt/app-fabric
COPY LICENSE /opt/app-fabric/
WORKDIR /opt/app-fabric
USER node
VOLUME /var/lib/app-fabric
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FABRIC_API_PORT || 8080}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
