use evenkeel_model::*; use evenkeel_simulate::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let hosts: usize = a[1].parse().unwrap();
    let mut policy = Policy::default();
    if let Some(b) = a.get(2) { policy.bake = Millis::parse(b).unwrap(); }
    if let Some(b) = a.get(3) { policy.max_unavailable = Some(b.parse().unwrap()); }
    if a.get(5).is_some() { policy.by = Some("zone".into()); }
    let s = Settings { hosts, zones: "3".parse().unwrap(), fails: a.get(4).map_or("0%", |s| s).parse().unwrap(), ..Settings::default() };
    let t = simulate(&policy, &s).unwrap();
    println!("{:?} plans {} took {} entries {} most {:?} moved {}", t.end, t.totals.plans, t.totals.took, t.entries.len(), t.totals.most_unavailable, t.totals.moved);
}
