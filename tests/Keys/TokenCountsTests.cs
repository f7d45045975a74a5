using System.Text;
using EstProv.LocalApi.Tests.Metrics;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>What is counted of a token that fails, and of who waits for it.</summary>
public sealed class TokenCountsTests : FaultyTokenFixture
{
    [Test]
    public void An_operation_that_fails_without_a_loss_is_counted_by_its_code()
    {
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Assert.That(Metrics(), Does.Not.Contain("estprov_token_errors_total{"));

        Faults.Order("C_Sign", CKR.CKR_DATA_INVALID);
        Keyd.Shown("token_error-unknown", Assert.Throws<ProblemException>(() => Sign(key.Handle))!);
        Faults.Order("C_SignInit", CKR.CKR_MECHANISM_INVALID);
        Assert.That(Assert.Throws<ProblemException>(() => Sign(key.Handle))!.Code, Is.EqualTo("mechanism_missing"));
        Faults.Order("C_GenerateKeyPair", CKR.CKR_DEVICE_MEMORY, 8);
        Assert.That(Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("other", "ec-p256"))!.Code, Is.EqualTo("token_full"));
        Faults.ClearOrders();
        AssertSigns(key);

        var text = Metrics();
        foreach (var code in (string[])["token_error", "mechanism_missing", "token_full"])
            Assert.That(MetricsPage.Value(text, $"estprov_token_errors_total{{code=\"{code}\"}}"), Is.EqualTo(1), code);
        Assert.That(MetricsPage.Value(text, "estprov_token_losses_total"), Is.Zero);
        Assert.That(MetricsPage.Value(text, "estprov_token_waiting"), Is.Zero);
    }

    [Test]
    public void What_was_tried_again_with_success_is_no_error_and_a_token_that_cannot_be_opened_is_one()
    {
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", CKR.CKR_SESSION_HANDLE_INVALID);
        AssertSigns(key);
        Assert.That(Metrics(), Does.Not.Contain("estprov_token_errors_total{"));
        Keyd.Stop();

        Configure("pkcs11:token=edge?pin-value=9999");
        Keyd.Start();
        Assert.Throws<ProblemException>(() => Keyd.Client.CreateKeyPair("other", "ec-p256"));
        Assert.That(MetricsPage.Value(Metrics(), "estprov_token_errors_total{code=\"pin_incorrect\"}"), Is.AtLeast(1));
    }

    [Test]
    public void Who_waits_for_the_only_session_is_counted_as_long_as_he_waits()
    {
        Faults.Limit(("max_sessions", 1));
        Keyd.Start();
        var key = Keyd.Client.CreateKeyPair("device-id", "ec-p256");
        Faults.Order("C_Sign", "hang");
        var signers = Enumerable.Range(0, 3).Select(_ => new Thread(() => Sign(key.Handle))).ToList();
        signers.ForEach(static signer => signer.Start());

        Assert.That(() => MetricsPage.Value(Metrics(), "estprov_token_waiting"), Is.EqualTo(2).After(3000, 10), "one has the session");
        Faults.Release();
        signers.ForEach(static signer => signer.Join());
        Assert.That(MetricsPage.Value(Metrics(), "estprov_token_waiting"), Is.Zero);
    }

    private string Metrics() => Encoding.UTF8.GetString(Keyd.Http.Send("GET", "/metrics").Body);
}
