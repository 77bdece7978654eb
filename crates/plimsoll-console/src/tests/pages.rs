//! The pages as a browser gets them.

use jiff::Timestamp;

use super::fixture::{House, SESSION, question, story};

#[tokio::test]
async fn what_strangers_wrote_is_quoted_and_inert() {
    let house = House::open().await;
    house.tell(&story()).await;
    house.ask(&question("T-one", Timestamp::now(), "ada@shop.example")).await;
    let (cookie, _) = house.login(&house.rosa).await;
    for path in ["/", "/approvals", "/approvals/T-one", &format!("/sessions/{SESSION}"), "/sessions"] {
        let page = house.page(&cookie, path).await;
        assert_eq!(page.status, 200, "{path} {}", page.body);
        assert!(!page.body.contains("<script"), "{path}");
        assert!(!page.body.contains("style="), "{path}: the policy allows no inline style");
        let invisible = ['\u{202e}', '\u{200b}'];
        assert!(!page.body.contains(invisible), "{path}");
    }
    let page = house.page(&cookie, "/approvals/T-one").await.body;
    assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(page.contains("\\u{202e}yas I os"), "{page}");
    assert!(page.contains("<q>C-1007</q>"), "{page}");
    assert!(page.contains("tool:desk.read_mail (untrusted, span 2)"), "{page}");
}

#[tokio::test]
async fn the_page_of_an_approval() {
    let house = House::open().await;
    house.ask(&question("T-one", Timestamp::now(), "ada@shop.example")).await;
    let (cookie, _) = house.login(&house.rosa).await;
    let page = house.page(&cookie, "/approvals/T-one").await.body;
    let text = words(&page);
    for part in [
        "desk.delete_customer",
        "dangerous",
        "destructive: something is gone afterwards",
        "a dangerous act needs approval by 1 of: reviewer",
        "ada@shop.example",
        "key:support-agent, an agent, on behalf of ada@shop.example",
        "Ines Falk",
        "on-call platform",
        "The customer stays",
        "None; the data protection officer",
        "sha256:4f1c2b7a90de",
        SESSION,
        "in 14 min",
        "0 of 1 yes",
        "reviewer",
        "Yes, exactly this",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test]
async fn a_vote_by_form() {
    let house = House::open().await;
    let asked = question("T-one", Timestamp::now(), "ada@shop.example");
    house.ask(&asked).await;
    let (cookie, csrf) = house.login(&house.rosa).await;
    let (_, other) = house.login(&house.ines).await;
    let digest = asked.act_digest.to_string().replace(':', "%3A");
    let vote = async |cookie: &str, csrf: &str, digest: &str| {
        let body = format!("csrf={csrf}&answer=yes&shown={digest}&comment=fine");
        house.form(cookie, "/approvals/T-one", &body).await
    };
    assert_eq!(vote(&cookie, "", &digest).await.status, 403);
    assert_eq!(vote(&cookie, &other, &digest).await.status, 403);
    let wrong = format!("sha256%3A{}", "0".repeat(64));
    let answer = vote(&cookie, &csrf, &wrong).await;
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("Your answer was not taken"), "{}", answer.body);
    assert_eq!(vote(&cookie, &csrf, &digest).await.status, 303);
    let page = words(&house.page(&cookie, "/approvals/T-one").await.body);
    assert!(page.contains("rosa said yes") && page.contains("granted"), "{page}");
    let tom = house.login(&house.tom).await;
    house.ask(&question("T-two", Timestamp::now(), "bea@shop.example")).await;
    let page = words(&house.page(&tom.0, "/approvals/T-two").await.body);
    assert!(page.contains("Only reviewer may answer") && !page.contains("Yes, exactly this"), "{page}");
}

#[tokio::test]
async fn logging_in_and_out() {
    let house = House::open().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for key in [house.agent.as_str(), "pla_nonsense", ""] {
        assert_eq!(house.send("POST", "/login", &form, &format!("key={key}")).await.status, 401, "{key}");
    }
    let answer =
        house.send("POST", "/login", &form, &format!("key={}&next=//evil.example", house.rosa)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(&house.rosa), "{cookie}");

    let (cookie, csrf) = house.login(&house.rosa).await;
    let left = house.form(&cookie, "/logout", &format!("csrf={csrf}")).await;
    assert_eq!(left.status, 303);
    assert_eq!(house.page(&cookie, "/").await.status, 401);

    // A revoked key ends its log-ins at once.
    let (cookie, _) = house.login(&house.rosa).await;
    assert_eq!(house.page(&cookie, "/").await.status, 200);
    house.gateway.store().revoke_key(&house.rosa[..8], Timestamp::now()).await.unwrap();
    assert_eq!(house.page(&cookie, "/").await.status, 401);

    let asked = house.send("GET", "/approvals/T-9", &[], "").await;
    assert!(asked.body.contains("name=\"next\" value=\"/approvals/T-9\""), "{}", asked.body);
}

#[tokio::test]
async fn the_kill_switch_by_form() {
    let house = House::open().await;
    let (cookie, csrf) = house.login(&house.tom).await;
    let pull = format!("csrf={csrf}&scope=workflow&name=support&reason=odd+mails");
    assert_eq!(house.form(&cookie, "/stops", &pull).await.status, 303);
    let page = words(&house.page(&cookie, "/").await.body);
    assert!(page.contains("Stopped: workflow support by tom"), "{page}");
    let slip = house.form(&cookie, "/stops", &format!("csrf={csrf}&scope=tool&name=dessk.x&reason=y")).await;
    assert_eq!(slip.status, 400);
    assert!(slip.body.contains("covers nothing it knows"), "{}", slip.body);
    let lift = format!("csrf={csrf}&scope=workflow&name=support");
    assert_eq!(house.form(&cookie, "/stops/lift", &lift).await.status, 303);
    assert!(!house.page(&cookie, "/").await.body.contains("Stopped: workflow"));
}

#[tokio::test]
async fn the_chain_of_a_session() {
    let house = House::open().await;
    house.tell(&story()).await;
    let (cookie, _) = house.login(&house.rosa).await;
    let page = house.page(&cookie, &format!("/sessions/{SESSION}")).await;
    insta::assert_snapshot!("session_page", words(&page.body));
}

/// What a person reads of a page, one line a line.
fn words(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after.split_once('>').map_or("", |(tag, rest)| {
            if matches!(tag, "/p" | "/li" | "/h1" | "/h2" | "/tr" | "/dd" | "/th" | "/summary") {
                text.push('\n');
            }
            rest
        });
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n").replace("&#39;", "'")
}
