-- Each host of a rollout is a row of its own, so that a step of a rollout over ten thousand hosts costs what it has changed. `rollouts.body` keeps all
-- else, its `hosts` empty: format 3.
CREATE TABLE rollout_hosts (
    rollout INTEGER NOT NULL REFERENCES rollouts (rollout),
    host    TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (rollout, host)
) STRICT, WITHOUT ROWID;

INSERT INTO rollout_hosts (rollout, host, body)
SELECT rollouts.rollout, hosts.key, hosts.value
FROM rollouts, json_each(rollouts.body, '$.hosts') AS hosts
WHERE rollouts.format < 3;

UPDATE rollouts SET body = json_set(body, '$.hosts', json('{}')), format = 3 WHERE format < 3;
