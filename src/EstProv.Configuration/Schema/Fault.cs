namespace EstProv.Configuration.Schema;

/// <summary>What is wrong with a value, as the rest of the sentence that begins with its key: <c>is not an absolute path</c>.</summary>
internal sealed record Fault(string What, string Hint = "");
