//! Dates, hours and durations, in people's words.

use super::super::moment::{Moment, Times};
use super::scene::Scene;
use super::*;

fn said(text: &str) -> String {
    let times = Times::read(&text.to_lowercase());
    let days = times.days.iter().map(|day| match day.year {
        Some(year) => format!("{year}-{:02}-{:02}", day.month, day.day),
        None => format!("{:02}-{:02}", day.month, day.day),
    });
    let clocks = times.clocks.iter().map(|clock| format!("{:02}:{:02}", clock / 3600, clock / 60 % 60));
    let lasting = times.lasting.iter().map(|minutes| format!("{minutes}m"));
    days.chain(clocks).chain(lasting).collect::<Vec<_>>().join(" ")
}

#[test]
fn people_say_times_in_many_ways() {
    let check = |text, expected: &str| assert_eq!(said(text), expected, "{text}");
    check("on 2024-05-19 at 10:00", "2024-05-19 10:00");
    check("at 2024-05-19T10:00:30.", "2024-05-19 10:00");
    check("on May 26th", "05-26");
    check("January 11th to January 15th 2025", "01-11 2025-01-15");
    check("June 13, 2026, please", "2026-06-13");
    check("(13 June 2026)", "2026-06-13");
    check("the 13th of June", "06-13");
    check("13.6.2026 and 6/13/2026 and 13/6/2026", "2026-06-13 2026-06-13 2026-06-13");
    check("6/7/2026", ""); // which is the month?
    check("at 10:00 or 16:00", "10:00 16:00");
    check("10am, 4 pm, 4:30pm, 12 am, noon, 5 o'clock", "10:00 16:00 16:30 00:00 12:00 05:00");
    check("10:00-11:30", "10:00 11:30");
    check("a 1-hour long event", "60m");
    check("for one hour, or half an hour, or an hour and a half", "60m 30m 90m");
    check("2 hours and 30 minutes; 90min; 1.5 h; 4 hours.", "150m 90m 90m 240m");
    check("I may 40 people, 32 June, 25:00, 10:99", "");
    check("order 13 of 20", "");
}

#[test]
fn arguments_say_times_in_few_ways() {
    let check = |text, valid| assert_eq!(Moment::parse(text).is_some(), valid, "{text}");
    for text in [
        "2026-06-13",
        "2026-06-13 10:00",
        "2026-06-13T10:00:00Z",
        "2026-06-13T10:00:00.000+02:00",
        "10:00",
        "9:05:30",
    ] {
        check(text, true);
    }
    for text in [
        "",
        "13",
        "2026-06-31",
        "2026-06-13T",
        "2026-06-13x10:00",
        "24:00",
        "10:00:00:00",
        "tomorrow",
        "2026-06-13 10",
        "é2026-06-13",
    ] {
        check(text, false);
    }
}

/// Which of the arguments the user chose.
fn chosen(scene: &Scene, arguments: &[(&str, &str)]) -> String {
    let values = arguments.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let paths: Vec<String> = arguments.iter().map(|(name, _)| format!("/{name}")).collect();
    let roles: Vec<(&str, ArgumentRole)> =
        paths.iter().map(|path| (path.as_str(), ArgumentRole::Time)).collect();
    let flow = scene.flow("cal.create", &Value::Object(values), &roles);
    let chosen = flow.origins.iter().filter(|origin| origin.chosen && origin.integrity == Integrity::User);
    chosen.map(|origin| origin.argument.trim_start_matches('/').to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_year_is_taken_from_what_is_known() {
    let day = [("day", "2024-05-26")];
    assert_eq!(chosen(&Scene::user("on May 26th 2024"), &day), "day");
    assert_eq!(chosen(&Scene::user("on May 26th"), &day), "");
    assert_eq!(chosen(&Scene::user("on May 26th, after 2024-05-01"), &day), "day");
    assert_eq!(chosen(&Scene::user("on May 26th, after 2023-05-01"), &day), "");
    assert_eq!(chosen(&Scene::user("on May 26th, after 2023-05-01 or 2024-05-01"), &day), "");
    assert_eq!(chosen(&Scene::user("on May 26th tomorrow"), &[("day", "2024-05-27")]), "");
    let today = |date: &str, call: Value, declared: Value| {
        Scene::user("on May 26th").tool("cal.get_current_day", &declared, call, date)
    };
    assert_eq!(chosen(&today("2024-05-15", json!({}), json!("trusted")), &day), "day");
    assert_eq!(chosen(&today("2023-06-15", json!({}), json!("trusted")), &day), "day");
    assert_eq!(chosen(&today("2024-06-15", json!({}), json!("trusted")), &day), "day");
    assert_eq!(chosen(&today("2023-05-15", json!({}), json!("trusted")), &day), "");
    assert_eq!(chosen(&today("2024-05-15", json!({}), json!("untrusted")), &day), "");
    assert_eq!(chosen(&today("2024-05-15", json!({ "of": "Eve" }), json!("trusted")), &day), "");
}

#[test]
fn an_hour_is_said_or_left_open() {
    let at = |text, time| chosen(&Scene::user(text), &[("start", time)]);
    assert_eq!(at("on 2024-05-19 at 10:00", "2024-05-19 10:00"), "start");
    assert_eq!(at("on 2024-05-19 at 10am", "2024-05-19T10:00:00"), "start");
    assert_eq!(at("on 2024-05-19 at 10:00", "2024-05-19 11:00"), "");
    assert_eq!(at("on 2024-05-19", "2024-05-19 11:00"), "start");
    assert_eq!(at("at 10:00", "2024-05-19 10:00"), "");
    assert_eq!(at("at 10:00", "10:00"), "start");
    assert_eq!(at("on 2024-05-19 at 10:00", "2024-05-19T10:00:00Z"), ""); // where is the user?
}

#[test]
fn an_end_follows_from_a_start_and_a_duration() {
    let ends = |text, end| chosen(&Scene::user(text), &[("start", "2024-05-19 10:00"), ("end", end)]);
    assert_eq!(ends("on 2024-05-19 at 10:00 for one hour", "2024-05-19 11:00"), "start end");
    assert_eq!(ends("a 1-hour long event on 2024-05-19 at 10:00", "2024-05-19T11:00:00"), "start end");
    assert_eq!(ends("on 2024-05-19 at 10:00 for one hour", "2024-05-19 12:00"), "start");
    assert_eq!(ends("on 2024-05-19 at 10:00 for 20 hours", "2024-05-20 06:00"), "start end");
    assert_eq!(ends("on 2024-05-19 at 11:00 for one hour", "2024-05-19 11:00"), "end");
    assert_eq!(ends("on 2024-05-19 at 10:00", "2024-05-19 11:00"), "start end");
    assert_eq!(ends("on 2024-05-19 at 10:00", "2024-05-20 11:00"), "start");
    assert_eq!(ends("on 2024-05-19 at 10:00 till 14:00", "2024-05-19 11:00"), "start");
    assert_eq!(ends("on 2024-05-19 at 10:00 till 14:00", "2024-05-19 14:00"), "start end");
    // A mail says nothing about what the user wants.
    let scene = Scene::user("put it on 2024-05-19 at 9:00").tool(
        "mail.read",
        &json!("untrusted"),
        json!({}),
        "at 10:00 for one hour",
    );
    assert_eq!(chosen(&scene, &[("start", "2024-05-19 10:00"), ("end", "2024-05-19 11:00")]), "");
}

proptest! {
    #[test]
    fn any_text_says_some_times(text in "\\PC{0,40}", near in "[0-9:.,/ -]{0,20}( (am|pm|may|th|of|half|an|hour|and|a))*[0-9]{0,4}") {
        for text in [&text, &near] {
            Times::read(&text.to_lowercase());
            Moment::parse(text);
        }
    }
}
