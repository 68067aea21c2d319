<?php
// SPDX-License-Identifier: Apache-2.0
// mysql_prepared.php PORT: by mysqli, on tables of database `shop`: statements prepared by the server,
// of which 7 insert into `bound` and 3 fail (1062), and one that cannot be prepared (1146); 5 queries of
// three statements, and 3 calls of a procedure with two results.
mysqli_report(MYSQLI_REPORT_OFF);
$shop = new mysqli('127.0.0.1', 'root', '', 'shop', (int)$argv[1]);

function all(mysqli $shop, string $text): void
{
	$shop->multi_query($text) or exit("it failed: $shop->error\n");
	do {
		$result = $shop->store_result();
		$result && $result->free();
	} while ($shop->next_result());
}

$shop->query('CREATE PROCEDURE two() BEGIN SELECT a FROM bound LIMIT 1; SELECT count(*) FROM bound; END');
$insert = $shop->prepare('INSERT INTO bound VALUES (?, ?)');
for ($i = 0; $i < 10; $i++) {
	$key = $i % 7;
	$value = 's3cret';
	$insert->bind_param('is', $key, $value);
	$insert->execute() === $i < 7 or exit("$i: $shop->error\n");
}
$shop->prepare('SELECT * FROM unbound WHERE a = ?') === false or exit("it did not fail\n");
for ($i = 0; $i < 5; $i++)
	all($shop, "SELECT a FROM bound WHERE b = 's3cret'; UPDATE bound SET b = 's3cret' WHERE a = 1; DELETE FROM bound WHERE a = 31337");
for ($i = 0; $i < 3; $i++)
	all($shop, 'CALL two()');
