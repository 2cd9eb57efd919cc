//! Who is there: passwords, codes of an authenticator, tokens of machines, and what each account may do.

pub mod lockout;
mod password;
mod role;
mod scope;
mod token;
mod totp;

pub use password::{Password, PasswordError, PasswordHash, PasswordHashError};
pub use role::{Role, RoleError, Roles};
pub use scope::{Scope, ScopeError, Scopes};
pub use token::{Token, TokenDigest, TokenError};
pub use totp::{TOTP_SECRET_BYTES, TotpSecret, one_time_code};
