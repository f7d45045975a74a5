using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Checks;

/// <summary>What checks have found: shown as it comes, or kept for <c>--json</c>.</summary>
internal sealed class Findings(Terminal terminal, bool asJson)
{
    private readonly List<Finding> _all = [];
    private readonly HashSet<string> _told = [];
    private readonly int[] _counts = new int[3];

    public void Pass(string check, string text) => Add(new Finding(check, Verdict.Pass, new ProblemException("", text)));

    public void Warn(string check, string code, string message, string hint) =>
        Add(new Finding(check, Verdict.Warning, new ProblemException(code, message, hint)));

    public void Error(string check, ProblemException problem) => Add(new Finding(check, Verdict.Error, problem));

    public void Error(string check, string code, string message, string hint) => Error(check, new ProblemException(code, message, hint));

    /// <summary>A problem of asking a daemon: what the caller may not see is no error of the device.</summary>
    /// <param name="about">Put before the message; empty for nothing.</param>
    public void Refused(string check, ProblemException problem, string about = "")
    {
        if (problem.Code == "forbidden") Warn(check, problem.Code, $"{about}not looked at: {problem.Message}", problem.Hint);
        else Error(check, problem.Code, about + problem.Message, problem.Hint);
    }

    /// <returns>The exit code.</returns>
    public int Finish()
    {
        var (passed, warnings, errors) = (_counts[0], _counts[1], _counts[2]);
        if (asJson)
        {
            JsonText.Write(terminal, json =>
            {
                json.WriteString("result", Word(errors > 0 ? Verdict.Error : warnings > 0 ? Verdict.Warning : Verdict.Pass));
                json.WriteNumber("passed", passed);
                json.WriteNumber("warnings", warnings);
                json.WriteNumber("errors", errors);
                json.WriteStartArray("findings");
                foreach (var finding in _all)
                {
                    json.WriteStartObject();
                    json.WriteString("check", finding.Check);
                    json.WriteString("result", Word(finding.Verdict));
                    JsonText.Members(json, finding.What);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
        }
        else
        {
            terminal.Line();
            terminal.Line($"{passed} passed, {warnings} warning{(warnings == 1 ? "" : "s")}, {errors} error{(errors == 1 ? "" : "s")}");
        }

        return errors > 0 ? 1 : warnings > 0 ? 2 : 0;
    }

    private void Add(Finding finding)
    {
        // A daemon that is down is also why another one cannot ask a server: once is enough.
        if (finding.Verdict != Verdict.Pass && !_told.Add($"{Word(finding.Verdict)} {finding.What.Code} {finding.What.Message}")) return;
        _counts[(int)finding.Verdict]++;
        if (asJson)
        {
            _all.Add(finding);
            return;
        }

        var word = Word(finding.Verdict) + ":";
        word = finding.Verdict switch
        {
            Verdict.Pass => terminal.Good(word),
            Verdict.Warning => terminal.Warn(word),
            _ => terminal.Bad(word),
        };
        terminal.Line($"{word} {finding.Check}: {finding.What.Message}");
        if (finding.What.Hint.Length > 0) terminal.Line($"{terminal.Strong("hint:")} {finding.What.Hint}");
        // Some take their time: what is known is seen.
        terminal.Flush();
    }

    private static string Word(Verdict verdict) => verdict switch { Verdict.Pass => "pass", Verdict.Warning => "warning", _ => "error" };
}
