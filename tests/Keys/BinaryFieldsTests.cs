using System.Text;
using System.Text.Json;
using EstProv.Keys.Routes;

namespace EstProv.Keys.Tests;

public sealed class BinaryFieldsTests
{
    private const int Size = 48 * 1024;

    [Test]
    public void Bytes_are_read_without_a_string_that_nobody_could_zero()
    {
        var secret = new byte[Size];
        secret.AsSpan().Fill(0x5a);
        using var json = JsonDocument.Parse(Encoding.ASCII.GetBytes($$"""{"keyBytes":"{{Convert.ToBase64String(secret)}}"}"""));
        _ = json.RootElement.OptionalBytes("keyBytes");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var bytes = json.RootElement.OptionalBytes("keyBytes");
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(bytes, Is.EqualTo(secret));
        Assert.That(allocated, Is.LessThan(Size + 1024), "the bytes themselves, and nothing of their size besides");
    }

    [TestCase("""{}""")]
    [TestCase("""{"keyBytes":null}""")]
    public void Bytes_that_are_not_there_are_null(string text)
    {
        using var json = JsonDocument.Parse(text);
        Assert.That(json.RootElement.OptionalBytes("keyBytes"), Is.Null);
        Assert.That(() => json.RootElement.Bytes("keyBytes"), Throws.InstanceOf<JsonException>());
    }

    [TestCase("""{"keyBytes":17}""")]
    [TestCase("""{"keyBytes":{}}""")]
    [TestCase("""{"keyBytes":"?"}""")]
    [TestCase("""[]""")]
    public void Other_things_than_base64_are_malformed(string text)
    {
        using var json = JsonDocument.Parse(text);
        Assert.That(() => json.RootElement.OptionalBytes("keyBytes"), Throws.InstanceOf<JsonException>());
    }
}
