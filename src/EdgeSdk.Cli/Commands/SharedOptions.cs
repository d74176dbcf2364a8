using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Numerics;

namespace EdgeSdk.Cli.Commands;

/// <summary>Options that several commands take, and how options are read.</summary>
internal static class SharedOptions
{
    /// <summary>Of every command.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "One JSON object on standard output", Recursive = true };

    /// <summary>Of every command.</summary>
    public static Option<bool> NoColor { get; } = new("--no-color") { Description = "No colours; the environment's NO_COLOR does the same", Recursive = true };

    /// <summary>Of every command.</summary>
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Say more on standard error, failures with their origin", Recursive = true };

    /// <summary>A model folder, or what else of it the command needs.</summary>
    public static Option<string> Model(string description) => new("--model") { Description = description, HelpName = "DIR", Required = true };

    /// <summary>The file of the bearer token: a secret does not belong on a command line, which other users can read.</summary>
    public static Option<string?> TokenFile(string description) => new("--token-file") { Description = description, HelpName = "FILE" };

    public static Option<int> MaxTokens(int standard) => Number("--max-tokens", "Tokens to write at most", standard, 1, int.MaxValue);

    public static Option<float> Temperature() => Number("--temperature", "0 takes the likeliest token each time", 0f, 0f, 1000f);

    public static Option<ulong> Seed() => Number("--seed", "Of the noise at temperatures above 0: equal seeds give equal texts", 0UL, 0UL, ulong.MaxValue);

    public static Option<int> Threads() => Number("--threads", "Processor threads of a pass; 0: one for each processor, at most 8", 0, 0, 256);

    public static Option<int> ThinkingBudget() => Number("--thinking-budget", "Tokens of a thought at most; -1: as many as the model likes", -1, -1, int.MaxValue);

    public static Option<bool> LogProbs() => new("--logprobs") { Description = "With --json: each token's id and log-probability too" };

    /// <summary>An option whose value is a number within bounds.</summary>
    public static Option<T> Number<T>(string name, string description, T standard, T least, T most)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => standard,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (TryParse(text, least, most, out var value))
                    return value;

                result.AddError($"{name} is '{text}'; it must be {Range(least, most)}.");
                return default;
            },
        };

    /// <summary>An option whose value is a list of numbers with commas between them; it may be empty.</summary>
    public static Option<int[]?> Numbers(string name, string description, int least) => new(name)
    {
        Description = description,
        HelpName = "1,2,3",
        CustomParser = result =>
        {
            string[] parts = result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries);
            if (parts is [""])
                return [];

            var values = new int[parts.Length];
            for (int i = 0; i < parts.Length; i++)
            {
                if (!int.TryParse(parts[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out values[i]) || values[i] < least)
                {
                    result.AddError($"{name} holds '{parts[i]}'; it must be whole numbers of {least} or more with commas between them.");
                    return [];
                }
            }

            return values;
        },
    };

    /// <summary>An option whose value is one number or more within bounds, with commas between them.</summary>
    public static Option<T[]> Series<T>(string name, string description, T[] standard, T least, T most)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = "N,N",
            DefaultValueFactory = _ => standard,
            CustomParser = result =>
            {
                string[] parts = result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries);
                var values = new T[parts.Length];
                for (int i = 0; i < parts.Length; i++)
                {
                    if (!TryParse(parts[i], least, most, out values[i]))
                    {
                        result.AddError($"{name} holds '{parts[i]}'; each must be {Range(least, most)}, with commas between them.");
                        return [];
                    }
                }

                return values;
            },
        };

    /// <summary>Adds examples to the help of a command.</summary>
    public static TCommand WithExamples<TCommand>(this TCommand command, params string[] examples)
        where TCommand : Command
    {
        var help = command.Options.OfType<HelpOption>().FirstOrDefault();
        if (help is null)
            command.Options.Add(help = new HelpOption());

        help.Action = new HelpWithExamples((HelpAction)help.Action!, examples);
        return command;
    }

    private static bool TryParse<T>(string text, T least, T most, out T value)
        where T : struct, INumber<T> =>
        T.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value) && value >= least && value <= most;

    private static string Range<T>(T least, T most)
        where T : struct, INumber<T>
    {
        string kind = T.IsInteger(least) && typeof(T) != typeof(float) ? "a whole number" : "a number";
        return most > T.CreateSaturating(int.MaxValue - 1) ? $"{kind} of {least} or more" : $"{kind} from {least} to {most}";
    }

    private sealed class HelpWithExamples(HelpAction help, string[] examples) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in examples)
                output.WriteLine($"  {example}");

            return code;
        }
    }
}
