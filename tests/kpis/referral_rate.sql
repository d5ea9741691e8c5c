-- by: segment
-- variants: referrals converted
with told as (
    select r.*, slot(r.referred_at) as slotted from facts.main.referrals r where not r.deleted
),
counted as (
    select w.period, p.source_id as who, any_value(coalesce(c.segment, a.segment)) as segment,
        (select count(*) from told t where t.referrer_id = p.source_id
            and t.referred_at >= midnight(w.first_day) and t.referred_at < midnight(w.after_day)) as made
    from windows w join people p on p.valid_to is null
    left join people c on c.source_id = p.source_id and held(midnight(w.after_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = c.account_id and held(midnight(w.after_day), a.valid_from, a.valid_to)
    where (p.created_at is null or p.created_at < midnight(w.after_day))
        and (p.ended_at is null or p.ended_at > midnight(w.first_day))
        and getvariable('variant') is distinct from 'converted'
    group by 1, 2, w.first_day, w.after_day
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    case when getvariable('variant') = 'referrals' then 100.0 * sum(made) / count(*)
         else 100.0 * count(*) filter (made > 0) / count(*) end as value, count(*) as n, 0 as pending
from counted group by 1, 2
union all
select slotted, case when getvariable('dimension') = 'segment' then coalesce(c.segment, a.segment) end,
    100.0 * count(converted_at) / count(*), count(*), 0
from told t
left join people c on c.source_id = t.referrer_id and held(t.referred_at, c.valid_from, c.valid_to)
left join companies a on a.source_id = c.account_id and held(t.referred_at, a.valid_from, a.valid_to)
where asked(t.referred_at) and getvariable('variant') = 'converted' group by 1, 2
