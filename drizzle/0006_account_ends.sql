CREATE TABLE `erasures` (
	`id` binary(16) NOT NULL,
	`pseudonym` binary(16) NOT NULL,
	CONSTRAINT `erasures_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `attempt_counters` ADD `owner` binary(32);
--> statement-breakpoint
CREATE INDEX `attempt_counters_owner_index` ON `attempt_counters` (`owner`);
--> statement-breakpoint
CREATE INDEX `sessions_end_index` ON `sessions` (`ended_at`);
--> statement-breakpoint
-- It changed all rows of an account at once, which no time was enough for where there are very many.
DROP PROCEDURE IF EXISTS `pseudonymize_audit_events`;
--> statement-breakpoint
CREATE PROCEDURE IF NOT EXISTS `pseudonymize_audit_events`(IN `p_user` binary(16), IN `p_pseudonym` binary(16), IN `p_limit` int, OUT `p_changed` int)
	MODIFIES SQL DATA
	SQL SECURITY DEFINER
	COMMENT 'Puts a pseudonym (UUIDv8) in the place of an account that is no more, in so many events at the most.'
BEGIN
	DECLARE `v_left` int;
	IF EXISTS (SELECT 1 FROM `users` WHERE `id` IN (`p_user`, `p_pseudonym`)) THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'An account that exists keeps what is on record about it.';
	END IF;
	IF SUBSTR(HEX(`p_user`), 13, 1) = '8' OR SUBSTR(HEX(`p_pseudonym`), 13, 1) <> '8' THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'A pseudonym is a UUIDv8, and is not replaced by another.';
	END IF;
	UPDATE `audit_events`
		SET `actor_id` = IF(`actor_id` = `p_user`, `p_pseudonym`, `actor_id`), `user_id` = `p_pseudonym`,
			`session_id` = NULL, `ip_address` = NULL, `user_agent` = NULL, `detail` = '{}'
		WHERE `user_id` = `p_user` ORDER BY `id` LIMIT `p_limit`;
	SET `p_changed` = ROW_COUNT();
	SET `v_left` = `p_limit` - `p_changed`;
	UPDATE `audit_events`
		SET `actor_id` = `p_pseudonym`, `session_id` = NULL, `ip_address` = NULL, `user_agent` = NULL
		WHERE `actor_id` = `p_user` ORDER BY `id` LIMIT `v_left`;
	SET `p_changed` = `p_changed` + ROW_COUNT();
END;