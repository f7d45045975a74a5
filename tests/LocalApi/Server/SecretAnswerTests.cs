using System.Text;
using EstProv.LocalApi.Server;

namespace EstProv.LocalApi.Tests.Server;

public sealed class SecretAnswerTests
{
    [Test]
    public void What_held_a_secret_answer_is_zeroed_once_it_is_sent()
    {
        var response = new LocalResponse();
        response.Begin();
        response.Secret = true;
        var first = response.Body.GetMemory(1);
        var json = response.Json();
        json.WriteStartObject();
        json.WriteString("key", "SECRET" + new string('x', 8000) + "SECRET");
        json.WriteEndObject();
        Assert.That(Encoding.ASCII.GetString(response.Finish(close: false, bodyWanted: true)), Does.Contain("SECRETx").And.Contain("xSECRET"));
        Assert.That(first.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1), "the buffer that it outgrew");
        var second = response.Body.GetMemory(1);
        response.End();
        response.Begin();
        Assert.That(response.Body.GetMemory(8000).Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That(second.Span.IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
        Assert.That(response.Secret, Is.False);
    }
}
