-- by: region
-- variants: informational transactional support navigational other
select slot(r.answered_at) as period,
    case when getvariable('dimension') = 'region' then coalesce(c.region, a.region) end as dim,
    100.0 * count(*) filter (r.choice = getvariable('variant')) / count(*) as value,
    count(*) as n, 0 as pending,
    count(distinct coalesce('p' || r.customer_id, 's' || r.submission_id, r.id)) as units
from responses r
left join people c on c.source_id = r.customer_id and held(r.answered_at, c.valid_from, c.valid_to)
left join companies a on a.source_id = coalesce(r.account_id, c.account_id) and held(r.answered_at, a.valid_from, a.valid_to)
where r.kind = 'intent' and r.choice is not null and asked(r.answered_at) group by 1, 2
