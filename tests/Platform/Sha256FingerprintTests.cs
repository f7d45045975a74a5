namespace EstProv.Platform.Tests;

public sealed class Sha256FingerprintTests
{
    private const string Digits = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"; // of "test"

    [TestCase("sha256:" + Digits)]
    [TestCase("SHA256:9f:86:d0:81:88:4c:7d:65:9a:2f:ea:a0:c5:5a:d0:15:a3:bf:4f:1b:2b:0b:82:2c:d1:5d:6c:15:b0:f0:0a:08")]
    public void It_is_read_as_tools_write_it(string text)
    {
        Assert.That(Convert.ToHexString(Sha256Fingerprint.Parse(text)!), Is.EqualTo(Digits));
        Assert.That(Sha256Fingerprint.Of("test"u8), Is.EqualTo("sha256:" + Digits.ToLowerInvariant()));
    }

    [TestCase("")]
    [TestCase(Digits)]
    [TestCase("sha1:" + Digits)]
    [TestCase("sha256:")]
    [TestCase("sha256:" + Digits + "00")]
    [TestCase("sha256:" + "G" + "F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08")]
    public void What_is_none_is_none(string text) => Assert.That(Sha256Fingerprint.Parse(text), Is.Null);
}
