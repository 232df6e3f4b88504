#!/bin/sh
# The MySQL image runs this once, when its data directory is empty. It creates a migration user, who may change tables, and a
# service user, to whom `migrate` grants what it needs. On a server of your own, `npm run cli -- create-db` does the same.
set -eu

MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --user=root --protocol=socket <<SQL
CREATE DATABASE IF NOT EXISTS latchkey CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'latchkey_migration'@'%' IDENTIFIED BY '$MIGRATION_PASSWORD';
CREATE USER IF NOT EXISTS 'latchkey'@'%' IDENTIFIED BY '$RUNTIME_PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE ROUTINE, ALTER ROUTINE, EXECUTE
  ON latchkey.* TO 'latchkey_migration'@'%' WITH GRANT OPTION;
SQL
