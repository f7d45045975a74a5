using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Tests;

public sealed class EstServerModelTests
{
    private static readonly TimeSpan Asked = TimeSpan.FromMinutes(2);

    [Test]
    public void It_answers_so_many_a_second_and_sends_the_others_away()
    {
        var server = new EstServerModel(50, Asked, []);
        var issued = 0;
        for (long now = 0; now < 10_000; now += 5)
        {
            var (answer, retryAfter) = server.Ask(now);
            if (answer == Answer.Issued) issued++;
            else Assert.That((answer, retryAfter), Is.EqualTo((Answer.Busy, (TimeSpan?)Asked)));
        }

        Assert.That(issued, Is.EqualTo(550).Within(2), "50 at once, then 50 a second");
    }

    [Test]
    public void In_an_outage_it_does_not_answer_or_says_how_long_that_lasts()
    {
        var (hour, minute) = (TimeSpan.FromHours(1), (long)TimeSpan.FromMinutes(1).TotalMilliseconds);
        var server = new EstServerModel(50, Asked, [new Outage(hour, hour), new Outage(3 * hour, hour, OutageKind.Maintenance)]);
        Assert.That(server.Ask(59 * minute).Answer, Is.EqualTo(Answer.Issued));
        Assert.That(server.Ask(60 * minute).Answer, Is.EqualTo(Answer.None));
        Assert.That(server.Ask(120 * minute).Answer, Is.EqualTo(Answer.Issued));
        Assert.That(server.Ask(190 * minute), Is.EqualTo((Answer.Closed, (TimeSpan?)TimeSpan.FromMinutes(50))));
    }
}
