-- by: channel
-- variants: informational transactional support navigational other
select slot(answered_at) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
    100.0 * count(*) filter (choice = getvariable('variant')) / count(*) as value,
    count(*) as n, 0 as pending,
    count(distinct coalesce('p' || customer_id, 's' || submission_id, id)) as units
from responses where kind = 'intent' and choice is not null and asked(answered_at) group by 1, 2
