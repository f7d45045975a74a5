namespace EstProv.Keys.Tests;

/// <summary>A module that always hangs does not make the daemon start itself anew without end.</summary>
public sealed class RestartPaceTests
{
    [Test]
    public void The_first_restart_comes_at_once_and_each_further_one_later()
    {
        long now = 1_000_000;
        string? remembered = null;
        List<long> waits = [];
        for (var restart = 0; restart < 10; restart++)
        {
            var pace = new RestartPace(remembered);
            var since = now;
            while (!pace.MayRestart(now)) now += 1000;
            waits.Add((now - since) / 1000);
            remembered = pace.Next(now);
        }

        Assert.That(waits, Is.EqualTo(new[] { 0, 10, 20, 40, 80, 160, 300, 300, 300, 300 }));
    }

    [Test]
    public void Half_an_hour_without_a_restart_is_a_new_beginning()
    {
        Assert.That(new RestartPace("9:1000").Next(1000 + 1_800_000), Does.StartWith("1:"));
        Assert.That(new RestartPace("9:1000").Next(1000 + 1_799_999), Does.StartWith("10:"));
    }

    [TestCase("")]
    [TestCase("x:y")]
    [TestCase("1")]
    [TestCase("-1:5")]
    public void What_cannot_be_read_is_no_restart(string text) => Assert.That(new RestartPace(text).MayRestart(0), Is.True);
}
