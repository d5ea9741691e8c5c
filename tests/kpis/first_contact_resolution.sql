-- by: channel
-- variants: one_touch one_teammate self_reported
with asked_us as (
    select * from cases where opened_by is null or opened_by not in ('human', 'automation')
),
matters as (
    select a.id, a.channel, a.made__resolved_at as resolved, a.opened_at, a.made__human_replies as replies, a.made__human_agents as agents,
        not exists (
            select 1 from asked_us b
            where b.id <> a.id and b.source = a.source and b.customer_id = a.customer_id
                and b.opened_at > a.made__resolved_at and b.opened_at <= a.made__resolved_at + interval 7 day
                and (b.topic = a.topic or b.topic is null or a.topic is null)
        ) and not coalesce(a.made__first_reopened_at <= a.made__first_resolved_at + interval 7 day, false) as settled
    from asked_us a where a.customer_id is not null or getvariable('variant') in ('one_touch', 'one_teammate') or a.made__resolved_at is null
),
judged as (
    select coalesce(resolved, opened_at) as moment, channel, resolved is not null as counts,
        case getvariable('variant') when 'one_touch' then replies <= 1 when 'one_teammate' then agents <= 1 else settled end as good
    from matters where getvariable('variant') is distinct from 'self_reported'
    union all
    select answered_at, channel, true, score = 1 from responses
    where kind = 'fcr' and score is not null and getvariable('variant') is not distinct from 'self_reported'
)
select slot(moment) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
    100.0 * count(*) filter (counts and good) / count(*) filter (counts) as value,
    count(*) filter (counts) as n, count(*) filter (not counts) as pending
from judged where asked(moment) group by 1, 2
