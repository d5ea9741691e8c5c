select period, segment, unit, least(after, before)::double as num, before::double as den, 1 as n, 0 as pending
from year_of_life where there
