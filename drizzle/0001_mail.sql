CREATE TABLE `email_tokens` (
	`token_hash` binary(32) NOT NULL,
	`purpose` varchar(24) NOT NULL,
	`user_id` binary(16) NOT NULL,
	`email` varchar(254) NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	`consumed_at` datetime(3),
	CONSTRAINT `email_tokens_token_hash` PRIMARY KEY(`token_hash`)
);
--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` binary(16) NOT NULL,
	`user_id` binary(16),
	`kind` varchar(32) NOT NULL,
	`envelope` varbinary(4096),
	`state` varchar(8) NOT NULL,
	`attempts` int NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`due_at` datetime(3) NOT NULL,
	`finished_at` datetime(3),
	`last_error` varchar(255),
	CONSTRAINT `outbox_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `email_tokens` ADD CONSTRAINT `email_tokens_user_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE `outbox` ADD CONSTRAINT `outbox_user_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX `email_tokens_user_index` ON `email_tokens` (`user_id`,`purpose`);--> statement-breakpoint
CREATE INDEX `email_tokens_expiry_index` ON `email_tokens` (`expires_at`);--> statement-breakpoint
CREATE INDEX `outbox_due_index` ON `outbox` (`state`,`due_at`);--> statement-breakpoint
CREATE INDEX `outbox_user_index` ON `outbox` (`user_id`);