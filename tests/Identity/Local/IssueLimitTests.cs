using EstProv.Identity.Local;
using EstProv.Identity.Tests.Support;
using EstProv.Platform;

namespace EstProv.Identity.Tests.Local;

/// <summary>A process that dies again and again must not have the EST server issue without end.</summary>
public sealed class IssueLimitTests
{
    private readonly JumpTime _time = new(DateTimeOffset.UtcNow) { Hold = static _ => true };

    [Test]
    public void Some_are_had_at_once_and_then_one_in_each_gap()
    {
        var limit = new IssueLimit(_time);
        for (var i = 0; i < IssueLimit.AtOnce; i++) limit.Take("agent");
        var refused = Refused(limit, "agent");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((refused.Code, refused.Status), Is.EqualTo(("local_id_too_often", 429)));
            Assert.That(refused.RetryAfter, Is.EqualTo(IssueLimit.Gap).Within(TimeSpan.FromMilliseconds(1)));
            Assert.That(refused.Message, Does.Contain("'agent'"));
        }

        _time.Advance(IssueLimit.Gap / 2);
        Assert.That(Refused(limit, "agent").RetryAfter, Is.EqualTo(IssueLimit.Gap / 2).Within(TimeSpan.FromMilliseconds(1)),
            "a refused request puts nothing off");
        _time.Advance(IssueLimit.Gap / 2);
        limit.Take("agent");
        Refused(limit, "agent");
    }

    [Test]
    public void One_name_costs_another_nothing()
    {
        var limit = new IssueLimit(_time);
        for (var i = 0; i < IssueLimit.AtOnce; i++) limit.Take("agent");
        Refused(limit, "agent");
        limit.Take("other");
    }

    [Test]
    public void Who_has_been_quiet_has_all_of_them_again_and_no_more()
    {
        var limit = new IssueLimit(_time);
        for (var i = 0; i < IssueLimit.AtOnce; i++) limit.Take("agent");
        _time.Advance(TimeSpan.FromDays(1));
        for (var i = 0; i < IssueLimit.AtOnce; i++) limit.Take("agent");
        Refused(limit, "agent");
    }

    [Test]
    public void A_process_in_a_crash_loop_costs_one_certificate_in_each_gap()
    {
        var limit = new IssueLimit(_time);
        var issued = 0;
        for (var second = 0; second < 3600; second++)
        {
            try
            {
                limit.Take("agent");
                issued++;
            }
            catch (ProblemException problem) when (problem.Code == "local_id_too_often")
            {
                // Its supervisor starts it again.
            }

            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.That(issued, Is.InRange(60, 60 + IssueLimit.AtOnce));
    }

    [Test]
    public void Any_number_of_names_is_served()
    {
        var limit = new IssueLimit(_time);
        for (var i = 0; i < 2000; i++) limit.Take("module-" + i);
    }

    private static ProblemException Refused(IssueLimit limit, string name) => Assert.Throws<ProblemException>(() => limit.Take(name))!;
}
