using EstProv.Platform.Time;

namespace EstProv.Platform.Tests;

public sealed class BackoffTests
{
    [Test]
    public void Gaps_double_up_to_the_longest_within_the_jitter()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), new Random(1));
        foreach (var expected in new double[] { 1, 2, 4, 8, 16, 32, 60, 60, 60 })
        {
            Assert.That(backoff.Next().TotalSeconds, Is.InRange(expected * 0.8, expected * 1.2));
        }
    }

    [Test]
    public void A_longer_wish_of_the_server_is_obeyed()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), new Random(1));
        Assert.That(backoff.Next(TimeSpan.FromMinutes(10)), Is.EqualTo(TimeSpan.FromMinutes(10)));
    }

    [Test]
    public void A_success_starts_over()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), new Random(1));
        for (var i = 0; i < 40; i++) backoff.Next();
        backoff.Reset();
        Assert.That(backoff.Next().TotalSeconds, Is.LessThan(1.3));
    }
}
