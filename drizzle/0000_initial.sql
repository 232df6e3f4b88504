CREATE TABLE `attempt_counters` (
	`key` binary(32) NOT NULL,
	`failures` int NOT NULL,
	`pending` int NOT NULL,
	`attempted_at` datetime(3) NOT NULL,
	`locked_until` datetime(3),
	CONSTRAINT `attempt_counters_key` PRIMARY KEY(`key`)
);
--> statement-breakpoint
CREATE TABLE `audit_events` (
	`id` binary(16) NOT NULL,
	`type` varchar(48) NOT NULL,
	`at` datetime(3) NOT NULL,
	`user_id` binary(16),
	`actor_id` binary(16),
	`session_id` binary(16),
	`request_id` varchar(64),
	`ip_address` varchar(45),
	`user_agent` varchar(255),
	`detail` mediumtext NOT NULL,
	CONSTRAINT `audit_events_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `login_challenges` (
	`token_hash` binary(32) NOT NULL,
	`user_id` binary(16) NOT NULL,
	`device_id` binary(16),
	`remembered` boolean NOT NULL,
	`cookies` boolean NOT NULL,
	`attempts` int NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	`consumed_at` datetime(3),
	CONSTRAINT `login_challenges_token_hash` PRIMARY KEY(`token_hash`)
);
--> statement-breakpoint
CREATE TABLE `rate_limit_hits` (
	`key` binary(16) NOT NULL,
	`hits` int NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	CONSTRAINT `rate_limit_hits_key` PRIMARY KEY(`key`)
);
--> statement-breakpoint
CREATE TABLE `recovery_codes` (
	`id` binary(16) NOT NULL,
	`user_id` binary(16) NOT NULL,
	`code_hash` binary(32) NOT NULL,
	`used_at` datetime(3),
	CONSTRAINT `recovery_codes_id` PRIMARY KEY(`id`),
	CONSTRAINT `recovery_codes_user_code_unique` UNIQUE(`user_id`,`code_hash`)
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` binary(16) NOT NULL,
	`user_id` binary(16) NOT NULL,
	`generation` int NOT NULL,
	`nonce` binary(16) NOT NULL,
	`rotated_at` datetime(3) NOT NULL,
	`remembered` boolean NOT NULL,
	`cookies` boolean NOT NULL,
	`amr` varchar(32) NOT NULL,
	`authenticated_at` datetime(3) NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`last_used_at` datetime(3) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	`absolute_expires_at` datetime(3) NOT NULL,
	`ended_at` datetime(3),
	`end_reason` varchar(32),
	`ip_address` varchar(45),
	`user_agent` varchar(255),
	CONSTRAINT `sessions_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`id` varchar(64) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`sequence` int NOT NULL,
	`algorithm` varchar(16) NOT NULL,
	`public_jwk` mediumtext NOT NULL,
	`private_jwk` varbinary(1024) NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`signs_from` datetime(3) NOT NULL,
	`retired_at` datetime(3),
	CONSTRAINT `signing_keys_id` PRIMARY KEY(`id`),
	CONSTRAINT `signing_keys_sequence_unique` UNIQUE(`sequence`)
);
--> statement-breakpoint
CREATE TABLE `totp_enrolments` (
	`user_id` binary(16) NOT NULL,
	`secret` varbinary(255) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	CONSTRAINT `totp_enrolments_user_id` PRIMARY KEY(`user_id`)
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` binary(16) NOT NULL,
	`email` varchar(254) NOT NULL,
	`email_key` varchar(254) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`email_verified_at` datetime(3),
	`pending_email` varchar(254),
	`username` varchar(64),
	`username_key` varchar(64) character set utf8mb4 collate utf8mb4_bin,
	`display_name` varchar(100),
	`phrase` varchar(200),
	`password_hash` varchar(255) character set utf8mb4 collate utf8mb4_bin,
	`password_changed_at` datetime(3),
	`role` varchar(16) NOT NULL,
	`status` varchar(16) NOT NULL,
	`app_metadata` mediumtext NOT NULL,
	`totp_secret` varbinary(255),
	`totp_last_step` bigint,
	`created_at` datetime(3) NOT NULL,
	`updated_at` datetime(3) NOT NULL,
	`last_login_at` datetime(3),
	CONSTRAINT `users_id` PRIMARY KEY(`id`),
	CONSTRAINT `users_email_key_unique` UNIQUE(`email_key`),
	CONSTRAINT `users_username_key_unique` UNIQUE(`username_key`)
);
--> statement-breakpoint
ALTER TABLE `login_challenges` ADD CONSTRAINT `login_challenges_user_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE `recovery_codes` ADD CONSTRAINT `recovery_codes_user_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE `sessions` ADD CONSTRAINT `sessions_user_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE `totp_enrolments` ADD CONSTRAINT `totp_enrolments_user_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX `attempt_counters_attempted_at_index` ON `attempt_counters` (`attempted_at`);--> statement-breakpoint
CREATE INDEX `attempt_counters_locked_until_index` ON `attempt_counters` (`locked_until`);--> statement-breakpoint
CREATE INDEX `audit_events_user_index` ON `audit_events` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_actor_index` ON `audit_events` (`actor_id`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_type_index` ON `audit_events` (`type`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_at_index` ON `audit_events` (`at`);--> statement-breakpoint
CREATE INDEX `login_challenges_expiry_index` ON `login_challenges` (`expires_at`);--> statement-breakpoint
CREATE INDEX `rate_limit_hits_expiry_index` ON `rate_limit_hits` (`expires_at`);--> statement-breakpoint
CREATE INDEX `sessions_user_index` ON `sessions` (`user_id`,`ended_at`,`created_at`);--> statement-breakpoint
CREATE INDEX `sessions_expiry_index` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE INDEX `users_created_at_index` ON `users` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `users_role_index` ON `users` (`role`,`status`);