DROP INDEX `sessions_expiry_index` ON `sessions`;
--> statement-breakpoint
DROP INDEX `users_role_index` ON `users`;
--> statement-breakpoint
-- one statement, so that the table is written anew once
ALTER TABLE `users`
	ADD `email_domain` varchar(254) character set utf8mb4 collate utf8mb4_bin GENERATED ALWAYS AS (substring_index(email_key, '@', -1)) STORED,
	ADD `last_name` varchar(100) GENERATED ALWAYS AS (substring_index(display_name, ' ', -1)) STORED,
	ADD `totp_enabled` boolean GENERATED ALWAYS AS (totp_secret is not null) STORED;
--> statement-breakpoint
CREATE INDEX `audit_events_user_type_index` ON `audit_events` (`user_id`,`type`,`id`);
--> statement-breakpoint
CREATE INDEX `users_role_status_index` ON `users` (`role`,`status`,`id`);
--> statement-breakpoint
CREATE INDEX `users_status_index` ON `users` (`status`,`id`);
--> statement-breakpoint
CREATE INDEX `users_display_name_index` ON `users` (`display_name`,`id`);
--> statement-breakpoint
CREATE INDEX `users_last_name_index` ON `users` (`last_name`,`id`);
--> statement-breakpoint
CREATE INDEX `users_email_domain_index` ON `users` (`email_domain`,`id`);
--> statement-breakpoint
CREATE INDEX `users_totp_index` ON `users` (`totp_enabled`);
--> statement-breakpoint
CREATE INDEX `sessions_expiry_index` ON `sessions` (`expires_at`,`ended_at`);
--> statement-breakpoint
CREATE INDEX `users_role_index` ON `users` (`role`,`id`);