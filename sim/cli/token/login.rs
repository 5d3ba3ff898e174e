//! What a portal's login token says, and the checks that a portal makes of it.

use super::{
    checked::{Checked, Known, TAG},
    explanation::{Explanation, Part, moment_said, says},
    moment::away,
};
use crate::{
    protocol::{LoginSyntaxError, LoginToken, LoginTokenRules},
    types::{LoginRefusal, Profile},
};

/// All of it. Which profile a portal has, a token with more than three fields shows: hardened ones read none.
pub fn explain(text: &str, known: &Known) -> Result<Explanation, String> {
    let delimiter = delimiter(known);
    let rules = |profile| LoginTokenRules::new(profile, delimiter).map_err(|error| error.to_string());
    let (hardened, literal) = (rules(Profile::Hardened)?, rules(Profile::Literal)?);
    let token = literal.parse(text).map_err(|why| {
        let no_token = || format!("this is no login token: {why}. A portal refuses it as `syntax`");
        other_delimiter(text, known).unwrap_or_else(no_token)
    })?;
    let form = hardened.parse(text).map(|_| ());
    let checks = vec![syntax(text, form, known), tag(&literal, text, known), expiry(&token, known)];
    let says = vec![says("user", &token.user, None), moment_said("expires", token.expires, known)];
    let parts = vec![Part { part: "fields", says }];
    Ok(Explanation::new("login", "A login token of a portal", parts, checks, known))
}

/// What to say of a text whose fields have another delimiter between them than was expected, and are good but for that.
pub fn other_delimiter(text: &str, known: &Known) -> Option<String> {
    let before_the_tag = text.get(..text.len().checked_sub(LoginTokenRules::TAG_CHARS)?)?;
    let found = before_the_tag.chars().next_back().filter(|found| *found != delimiter(known))?;
    LoginTokenRules::new(Profile::Literal, found).ok()?.parse(text).ok()?;
    Some(format!(
        "this is a login token with `{found}` between its fields, expected `{}`. If the portal has that delimiter, \
         say --delimiter '{found}'",
        delimiter(known)
    ))
}

fn delimiter(known: &Known) -> char {
    known.delimiter.unwrap_or(LoginTokenRules::DELIMITER)
}

/// The fields have been read as a literal portal does; `form` is what a hardened one says to them.
fn syntax(text: &str, form: Result<(), LoginSyntaxError>, known: &Known) -> Checked {
    let delimiter = delimiter(known);
    let found = text.split(delimiter).count();
    let extra = format!(
        "{found} fields with `{delimiter}` between them, and a literal portal takes the first two and the last"
    );
    match (form, known.profile) {
        (Ok(()), _) => Checked::held("syntax", &format!("three fields with `{delimiter}` between them")),
        (Err(_), Some(Profile::Literal)) => Checked::held("syntax", &extra),
        (Err(_), None) => Checked::held("syntax", &format!("{extra}; a hardened one reads none: --profile hardened")),
        (Err(why), Some(Profile::Hardened)) => {
            Checked::made("syntax", Err(LoginRefusal::from(why)), "", &format!("{extra}; a hardened one reads none"))
        }
    }
}

fn tag(rules: &LoginTokenRules, text: &str, known: &Known) -> Checked {
    let Some(key) = &known.login_key else {
        return Checked::not_made(TAG, "needs --login-key, the key of the portal");
    };
    let fails = "not of that key: altered, made up, or made before 'Update'";
    Checked::made(TAG, rules.check_tag(key, text), "of --login-key", fails)
}

fn expiry(token: &LoginToken, known: &Known) -> Checked {
    let end = away(token.expires, known.at.wall());
    let (holds, fails) = (format!("ends {end}, without a leeway"), format!("ended {end}, without a leeway"));
    Checked::made("expiry", token.check_expiry(known.at), &holds, &fails)
}
