# The service in production: it runs as an unprivileged user, and its file system may be read-only.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
# a checkout may be readable by its owner only, but the service runs as another user; COPY --chmod needs a newer builder
RUN npm ci --no-audit --no-fund && npm run build \
  && chmod -R a+rX package.json schema.graphql drizzle scripts dist web/dist

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --workspaces=false --no-audit --no-fund
# half of it is never loaded: types, source maps, documents (licences stay), GraphiQL for require(), and a query builder that
# nothing imports
RUN rm -rf node_modules/@types node_modules/kysely node_modules/@graphql-yoga/render-graphiql/cjs \
  && find node_modules -type f ! -iname 'licen[cs]e*' ! -iname 'notice*' \
    '(' -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.flow' -o -name '*.map' -o -name '*.md' ')' -delete

FROM node:24-bookworm-slim
# several threads compute hashes, and each would otherwise keep memory of its own
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/web/dist web/dist
COPY --from=build /app/package.json /app/schema.graphql ./
COPY --from=build /app/drizzle drizzle
COPY --from=build /app/scripts scripts
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["node", "scripts/healthcheck.js"]
CMD ["node", "--max-semi-space-size=8", "dist/main.js"]
