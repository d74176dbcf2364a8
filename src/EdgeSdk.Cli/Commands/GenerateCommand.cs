using System.CommandLine;
using System.Diagnostics;
using System.Text;
using EdgeSdk.Decoding;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge generate</c>: a model alone continues a text.</summary>
internal sealed class GenerateCommand
{
    private readonly Option<string> _model = SharedOptions.Model("A model folder: what edge convert wrote, or one in the layout of onnxruntime-genai");
    private readonly Option<string?> _prompt = new("--prompt") { Description = "Raw text, not a chat; - reads standard input", HelpName = "TEXT" };
    private readonly Option<int[]?> _tokens = SharedOptions.Numbers("--tokens", "Token ids in place of a text: for a model without a tokenizer", least: 0);
    private readonly Option<int> _maxTokens = SharedOptions.MaxTokens(128);
    private readonly Option<bool> _ignoreEnd = new("--ignore-eos") { Description = "Go on past end tokens" };
    private readonly Option<bool> _logits = new("--logits") { Description = "With --json: the logits behind the prompt too" };
    private readonly Option<bool> _logProbs = SharedOptions.LogProbs();
    private readonly Option<int> _thinkingBudget = SharedOptions.ThinkingBudget();
    private readonly Option<int> _threads = SharedOptions.Threads();
    private readonly SamplingOptions _sampling = new();
    private readonly ConstraintOptions _constraint = new();
    private readonly Terminal _terminal;

    private GenerateCommand(Terminal terminal) => _terminal = terminal;

    public static Command Create(Terminal terminal) => new GenerateCommand(terminal).Build();

    private Command Build()
    {
        var command = new Command("generate", "Continue a text by one model.")
        {
            _model, _prompt, _tokens, _maxTokens, _ignoreEnd, _logits, _logProbs, _thinkingBudget, _threads,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(_prompt) is null == result.GetResult(_tokens) is null)
                result.AddError("generate takes either --prompt or --tokens.");
        });
        _sampling.AddTo(command);
        _constraint.AddTo(command);
        command.SetAction(RunAsync);
        return command.WithExamples(
            "edge generate --model models/device --prompt \"Once upon a time\" --max-tokens 64",
            "edge generate --model models/device --tokens 1,2,3 --temperature 0.7 --seed 42 --json");
    }

    private async Task RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string folder = parsed.GetRequiredValue(_model);
        bool asJson = parsed.GetValue(SharedOptions.Json);
        // Two rows, as on a server: the text is then the one that the server's engine would write.
        var options = new OnnxModelOptions { MinimumRows = 2, Threads = parsed.GetValue(_threads), SelfTest = false };
        var model = await OnnxModel.LoadAsync(folder, options, cancellationToken: cancellationToken).ConfigureAwait(false);
        await using var _ = model.ConfigureAwait(false);
        var tokenizer = File.Exists(Path.Combine(folder, "tokenizer.json")) ? Tokenizer.Load(folder) : null;
        int[] prompt = await PromptAsync(parsed, model.Info, tokenizer, cancellationToken).ConfigureAwait(false);
        var stop = StopRule.For(model.Info, prompt.Length, parsed.GetValue(_maxTokens), parsed.GetValue(_ignoreEnd));

        var sampler = Sampler(parsed, model.Info, tokenizer, prompt, stop);
        float[]? logits = parsed.GetValue(_logits) ? await model.PromptLogitsAsync(prompt, cancellationToken).ConfigureAwait(false) : null;
        var written = await WriteAsync(model, sampler, prompt, stop, tokenizer, echo: !asJson, cancellationToken).ConfigureAwait(false);
        if (asJson)
        {
            WriteJson(prompt, written, logits, parsed.GetValue(_logProbs));
        }
        else
        {
            _terminal.Out.WriteLine();
            _terminal.Note($"{prompt.Length} prompt tokens in {written.PromptMs:0.0} ms; {written.Tokens.Count} tokens, {written.TokensPerSecond:0.0} a second; {Name(written.Finish)}");
        }
    }

    /// <summary>What was written, and how long it took.</summary>
    private sealed record Written(List<Pick> Tokens, string? Text, FinishReason? Finish, double PromptMs, double TokensPerSecond);

    private async Task<Written> WriteAsync(
        OnnxModel model, SamplerSpec sampler, int[] prompt, StopRule stop, Tokenizer? tokenizer, bool echo, CancellationToken cancellationToken)
    {
        var sequence = await model.OpenAsync(sampler, cancellationToken).ConfigureAwait(false);
        await using var _ = sequence.ConfigureAwait(false);
        var generation = new Generation(sequence, stop);
        var detokenizer = tokenizer?.CreateDetokenizer(skipSpecialTokens: true);
        var (tokens, text) = (new List<Pick>(), new StringBuilder());
        var clock = Stopwatch.StartNew();
        var first = TimeSpan.Zero;
        await foreach (var pick in generation.RunAsync(prompt, cancellationToken).ConfigureAwait(false))
        {
            if (tokens.Count == 0)
                first = clock.Elapsed;

            tokens.Add(pick);
            if (generation.Finish != FinishReason.End)
                Say(detokenizer is not null ? detokenizer.Append(pick.Token) : tokens.Count == 1 ? $"{pick.Token}" : $",{pick.Token}");
        }

        var decode = clock.Elapsed - first;
        Say(detokenizer?.Flush() ?? "");
        return new(tokens, tokenizer is null ? null : text.ToString(), generation.Finish, first.TotalMilliseconds, (tokens.Count - 1) / decode.TotalSeconds);

        void Say(string piece)
        {
            text.Append(piece);
            if (echo)
                _terminal.Out.Write(piece);
        }
    }

    private async Task<int[]> PromptAsync(ParseResult parsed, ModelInfo model, Tokenizer? tokenizer, CancellationToken cancellationToken)
    {
        if (parsed.GetResult(_tokens) is not null)
        {
            int[] given = parsed.GetValue(_tokens)!;
            int outside = Array.FindIndex(given, id => id >= model.VocabularySize);
            return given switch
            {
                [] => throw new EdgeException(EdgeErrorCode.InvalidArgument, "--tokens is empty; a model needs at least one token to go on from."),
                _ when outside >= 0 => throw new EdgeException(
                    EdgeErrorCode.InvalidArgument, $"--tokens holds {given[outside]}; the ids of {model.Name} are 0 to {model.VocabularySize - 1}."),
                _ => given,
            };
        }

        if (tokenizer is null)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--prompt needs a tokenizer, and the folder of {model.Name} has no tokenizer.json. Copy it there, or give --tokens.");
        }

        string text = parsed.GetValue(_prompt)!;
        int[] ids = tokenizer.Encode(text == "-" ? await Terminal.ReadAllAsync(cancellationToken).ConfigureAwait(false) : text);
        return ids.Length > 0 ? ids : throw new EdgeException(EdgeErrorCode.InvalidArgument, "--prompt is empty; a model needs at least one token to go on from.");
    }

    private SamplerSpec Sampler(ParseResult parsed, ModelInfo model, Tokenizer? tokenizer, int[] prompt, StopRule stop)
    {
        var sampler = _sampling.Spec(parsed).Behind(prompt.Length);
        if (sampler.Bias is { } bias && bias.Ids[^1] >= model.VocabularySize)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--logit-bias names token {bias.Ids[^1]}; the ids of {model.Name} are 0 to {model.VocabularySize - 1}.");

        if (parsed.GetValue(_thinkingBudget) is >= 0 and var budget && ThoughtBorders.Of(Need(tokenizer, "--thinking-budget", model)) is { } borders)
            sampler = sampler with { Thought = ThoughtLimit.For(borders, tokenizer!, prompt, budget) };

        return _constraint.Read(parsed) is { } constraint
            ? sampler with { Constrained = ConstrainedText.For(constraint, Need(tokenizer, "A constraint", model), model.EndTokens, prompt.Length, stop.LastPlace + 1) }
            : sampler;
    }

    private static Tokenizer Need(Tokenizer? tokenizer, string what, ModelInfo model) => tokenizer ?? throw new EdgeException(
        EdgeErrorCode.InvalidArgument, $"{what} needs a tokenizer, and the folder of {model.Name} has no tokenizer.json. Copy it there.");

    private void WriteJson(int[] prompt, Written written, float[]? logits, bool logProbs) => _terminal.Json(json =>
    {
        json.WriteNumbers("tokens", written.Tokens.Select(pick => pick.Token));
        if (logProbs)
            json.WriteNumbers("log_probs", written.Tokens.Select(pick => pick.LogProb));

        json.WriteString("text", written.Text);
        json.WriteString("finish_reason", Name(written.Finish));
        if (logits is not null)
            json.WriteNumbers("prompt_logits", logits);

        json.WriteStartObject("stats");
        json.WriteNumber("prompt_tokens", prompt.Length);
        json.WriteMeasured("prompt_ms", written.PromptMs);
        json.WriteNumber("tokens", written.Tokens.Count);
        json.WriteMeasured("tokens_per_s", written.TokensPerSecond);
        json.WriteEndObject();
    });

    private static string Name(FinishReason? finish) => finish == FinishReason.End ? "stop" : "length";
}
