-- by: channel
-- variants:
with asked_us as (select * from cases where opened_by = 'customer'),
judged as (
    select a.opened_at, a.channel, coalesce(a.made__human_replies, 0) > 0 as manned, coalesce(a.made__resolved_at, a.closed_at) as ended,
        exists (
            select 1 from asked_us b
            where b.id <> a.id and b.customer_id = a.customer_id
                and b.opened_at > coalesce(a.made__resolved_at, a.closed_at)
                and b.opened_at <= coalesce(a.made__resolved_at, a.closed_at) + interval 7 day
                and (b.topic = a.topic or b.topic is null or a.topic is null)
        ) as back
    from asked_us a
)
select slot(opened_at) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
    100.0 * count(*) filter (not manned and ended is not null and not back) / nullif(count(*) filter (manned or ended is not null), 0) as value,
    count(*) filter (manned or ended is not null) as n, count(*) filter (not manned and ended is null) as pending
from judged where asked(opened_at) group by 1, 2
