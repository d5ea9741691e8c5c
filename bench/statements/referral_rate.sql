with told as (
    select distinct slot(referred_at) as period, referrer_id from facts.main.referrals where not deleted and asked(referred_at)
),
present as (
    select w.period, w.finish, p.source_id as customer_id, p.account_id
    from windows w join facts.main.customers p on coalesce(p.created_at, '-infinity') < w.finish and coalesce(p.ended_at, 'infinity') > w.begin
    where p.valid_to is null and not p.deleted
)
select t.period, coalesce(c.segment, a.segment) as segment, t.customer_id as unit, (r.referrer_id is not null)::int as num, 1 as den,
    1 as n, 0 as pending
from present t left join told r on r.period = t.period and r.referrer_id = t.customer_id @segment(t, t.finish)
