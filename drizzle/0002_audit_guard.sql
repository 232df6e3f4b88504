-- The service's user may add to what is on record, and neither change nor delete it. These two procedures run with
-- the rights of who migrates, and hold the limits that the service could otherwise be talked out of.
CREATE PROCEDURE IF NOT EXISTS `purge_audit_events`(IN `p_before` datetime(3), IN `p_limit` int)
	MODIFIES SQL DATA
	SQL SECURITY DEFINER
	COMMENT 'Deletes what was put on record before a time, and never anything younger than 30 days.'
DELETE FROM `audit_events`
	WHERE `at` < LEAST(`p_before`, UTC_TIMESTAMP(3) - INTERVAL 30 DAY)
	ORDER BY `at` LIMIT `p_limit`;
--> statement-breakpoint
CREATE PROCEDURE IF NOT EXISTS `pseudonymize_audit_events`(IN `p_user` binary(16), IN `p_pseudonym` binary(16))
	MODIFIES SQL DATA
	SQL SECURITY DEFINER
	COMMENT 'Puts a pseudonym (UUIDv8) in the place of an account that is no more.'
BEGIN
	IF EXISTS (SELECT 1 FROM `users` WHERE `id` IN (`p_user`, `p_pseudonym`)) THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'An account that exists keeps what is on record about it.';
	END IF;
	IF SUBSTR(HEX(`p_user`), 13, 1) = '8' OR SUBSTR(HEX(`p_pseudonym`), 13, 1) <> '8' THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'A pseudonym is a UUIDv8, and is not replaced by another.';
	END IF;
	UPDATE `audit_events`
		SET `user_id` = `p_pseudonym`, `session_id` = NULL, `ip_address` = NULL, `user_agent` = NULL, `detail` = '{}'
		WHERE `user_id` = `p_user`;
	UPDATE `audit_events`
		SET `actor_id` = `p_pseudonym`, `session_id` = NULL, `ip_address` = NULL, `user_agent` = NULL
		WHERE `actor_id` = `p_user`;
END;
